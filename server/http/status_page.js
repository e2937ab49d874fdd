// Draws /status.json, once a second. Every counter counts from the server's start, so all rates and distributions
// are differences of two answers, by the server's own clock. Text reaches the page as text nodes only.
"use strict";

const POLL_MS = 1000, TIMEOUT_MS = 4000;
const KEPT = 61;        // answers, for differences over up to a minute
const SHOWN = 120;      // points of the charts over time
const WINDOW_S = 10, SMOOTH_S = 5, LONG_S = 60;

const answers = [];     // of the server, the newest last
const points = [];      // what the charts over time show
let lastAnswerAt = null;

// --- Figures out of answers --------------------------------------------------------------------------------

const isScoring = labels => /Predict|Infer/.test(labels.method);
const keyOf = series => JSON.stringify(series.labels);
const sum = numbers => numbers.reduce((a, b) => a + b, 0);

function seriesOf(answer, name, filter = () => true) {
  const family = answer.metrics[name];
  return family ? family.series.filter(series => filter(series.labels)) : [];
}

const gauge = (answer, name, filter) => sum(seriesOf(answer, name, filter).map(series => series.value));

// The answer that is about `seconds` older than the newest one, or the oldest there is.
function before(seconds) {
  const newest = answers[answers.length - 1];
  return answers.find(answer => newest.time - answer.time <= seconds + 0.3) || newest;
}

// How a family's series have grown between two answers, each as {labels, value} or {labels, counts, sum}. What was
// not there before, or has begun anew, has grown from 0.
function growth(from, to, name, filter) {
  const old = new Map(seriesOf(from, name, filter).map(series => [keyOf(series), series]));
  return seriesOf(to, name, filter).map(series => {
    const base = old.get(keyOf(series));
    if ("counts" in series) {
      const fresh = !base || base.counts.some((count, i) => count > series.counts[i]);
      return { labels: series.labels, counts: fresh ? series.counts : series.counts.map((n, i) => n - base.counts[i]),
               sum: fresh ? series.sum : series.sum - base.sum };
    }
    return { labels: series.labels, value: !base || base.value > series.value ? series.value : series.value - base.value };
  });
}

const grown = (from, to, name, filter) => sum(growth(from, to, name, filter).map(series => series.value));

// All series of a histogram added up: {bounds, counts, sum, count}.
function histogram(from, to, name, filter) {
  const bounds = (to.metrics[name] || {}).bounds || [];
  const total = { bounds, counts: new Array(bounds.length + 1).fill(0), sum: 0, count: 0 };
  for (const series of growth(from, to, name, filter)) {
    series.counts.forEach((count, i) => { total.counts[i] += count; });
    total.sum += series.sum;
  }
  total.count = sum(total.counts);
  return total;
}

// Within a bucket values are taken to be spread evenly, as Prometheus does; null without any.
function quantile(h, q) {
  if (h.count === 0) return null;
  let left = q * h.count;
  for (let i = 0; i < h.counts.length; ++i) {
    if (left > h.counts[i] || h.counts[i] === 0) { left -= h.counts[i]; continue; }
    if (i === h.bounds.length) break;
    const low = i === 0 ? 0 : h.bounds[i - 1];
    return low + (h.bounds[i] - low) * left / h.counts[i];
  }
  return h.bounds[h.bounds.length - 1];
}

const mean = h => h.count === 0 ? null : h.sum / h.count;

// --- Numbers for people ------------------------------------------------------------------------------------

const dash = "–";

function number(value) {
  if (value === null || !isFinite(value)) return dash;
  if (Number.isInteger(value) && value < 1e6) return value.toLocaleString("en");
  if (value >= 9.95e6) return (value / 1e6).toFixed(1) + " M";
  if (value >= 99.5) return Math.round(value).toLocaleString("en");
  return value.toFixed(value >= 9.95 ? 1 : 2);
}

function seconds(value) {
  if (value === null) return dash;
  if (value < 9.95e-5) return (value * 1e6).toFixed(1) + " µs";
  if (value < 9.95e-4) return (value * 1e6).toFixed(0) + " µs";
  if (value < 0.995) return (value * 1e3).toFixed(value < 0.0995 ? 1 : 0) + " ms";
  return value.toFixed(2) + " s";
}

function span(value) {
  const units = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const [size, name] = units.find(([length]) => value >= length) || [1, "s"];
  return Math.floor(value / size) + " " + name;
}

function bytes(value) {
  const unit = [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]].find(([size]) => value >= size) || [1, "B"];
  return (value / unit[0]).toFixed(value < 10 * unit[0] && unit[0] > 1 ? 1 : 0) + " " + unit[1];
}

const percent = share => share === null ? dash : (100 * share).toFixed(share > 0 && share < 0.0995 ? 2 : 1) + " %";
const probability = value => value === null ? dash : value.toFixed(value < 0.00995 ? 5 : 4);

// --- Elements ----------------------------------------------------------------------------------------------

function element(space, tag, attributes, children) {
  const made = space ? document.createElementNS("http://www.w3.org/2000/svg", tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) made.setAttribute(name, value);
  made.append(...[children ?? []].flat(Infinity).filter(child => child !== null).map(child => child instanceof Node ? child : String(child)));
  return made;
}
const html = (tag, attributes, ...children) => element(false, tag, attributes, children);
const svg = (tag, attributes, ...children) => element(true, tag, attributes, children);
const byId = id => document.getElementById(id);
const show = (id, ...children) => byId(id).replaceChildren(...children);
const empty = text => html("p", { class: "empty" }, text);

// columns: [[title, is a number]], rows: arrays of text or elements.
function table(columns, rows) {
  const cell = (tag, content, i) => html(tag, columns[i][1] ? { class: "n" } : {}, content);
  return html("div", { class: "scroll" }, html("table", {},
    html("thead", {}, html("tr", {}, columns.map(([title], i) => cell("th", title, i)))),
    html("tbody", {}, rows.map(row => html("tr", {}, row.map((content, i) =>
      content instanceof HTMLTableCellElement ? content : cell("td", content, i)))))));
}

const plotted = (key, list) => list.map((point, i) => [i, point[key]]).filter(([, value]) => value !== null);

function path(list, x, y) {
  return list.map(([i, value], n) => (n === 0 ? "M" : "L") + x(i).toFixed(1) + " " + y(value).toFixed(1)).join("");
}

function sparkline(key) {
  const list = plotted(key, points);
  const top = Math.max(1e-12, ...list.map(([, value]) => value));
  const x = i => 200 - (points.length - 1 - i) * 200 / (SHOWN - 1), y = value => 26 - 23 * value / top;
  const drawn = svg("svg", { viewBox: "0 0 200 28", preserveAspectRatio: "none", "aria-hidden": "true" });
  if (list.length < 2) return drawn;
  const line = path(list, x, y);
  drawn.append(svg("path", { class: "area", d: line + `L${x(list[list.length - 1][0])} 28L${x(list[0][0])} 28Z` }),
               svg("path", { class: "line c1", d: line, "vector-effect": "non-scaling-stroke" }));
  return drawn;
}

// Lines over the last two minutes on a logarithmic scale of seconds. lines: [[key, class]].
function latencyChart(width, lines) {
  const height = 190, left = 52, right = 8, top = 8, bottom = 20;
  const values = lines.flatMap(([key]) => plotted(key, points).map(([, value]) => value));
  if (values.length === 0) return empty("no requests yet");
  const low = Math.floor(Math.log10(Math.max(1e-6, Math.min(...values)))), high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...values))));
  const x = i => width - right - (points.length - 1 - i) * (width - left - right) / (SHOWN - 1);
  const y = value => top + (high - Math.log10(Math.max(value, 10 ** low))) * (height - top - bottom) / (high - low);
  const drawn = svg("svg", { class: "chart", viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "latency over time" });
  for (let power = low; power <= high; ++power) {
    const at = y(10 ** power), label = power >= 0 ? 10 ** power + " s" : power >= -3 ? 10 ** (power + 3) + " ms" : 10 ** (power + 6) + " µs";
    drawn.append(svg("line", { class: "grid", x1: left, x2: width - right, y1: at, y2: at }),
                 svg("text", { x: left - 8, y: at + 4, "text-anchor": "end" }, label));
  }
  for (const [label, ago] of [["2 min ago", 119], ["1 min", 60], ["now", 0]]) {
    drawn.append(svg("text", { x: x(points.length - 1 - ago), y: height - 4, "text-anchor": ago === 0 ? "end" : ago === 119 ? "start" : "middle" }, label));
  }
  for (const [key, style] of lines) drawn.append(svg("path", { class: "line " + style, d: path(plotted(key, points), x, y) }));
  return drawn;
}

// Shares of the buckets. sets: histograms with the same bounds, at most two; label: of a bound.
function bars(width, height, sets, label) {
  const filled = sets.flatMap(h => h.counts.map((count, i) => count > 0 ? i : -1)).filter(i => i >= 0);
  if (filled.length === 0) return empty("nothing was scored");
  const top = 20, bottom = 20, bounds = sets[0].bounds;
  const first = Math.max(0, Math.min(...filled) - 1), last = Math.min(bounds.length, Math.max(...filled) + 1), step = width / (last - first + 1);
  const shares = sets.map(h => h.counts.map(count => count / Math.max(1, h.count))), most = Math.max(...shares.flat());
  const drawn = svg("svg", { class: "chart", style: `max-width:${1.15 * width}px`, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": "distribution" });
  shares.forEach((set, n) => {
    const gap = Math.min(3, step / 8), wide = (step - gap) / sets.length;
    for (let i = first; i <= last; ++i) {
      const tall = (height - top - bottom) * set[i] / most;
      if (set[i] === 0) continue;
      const range = i === 0 ? "up to " + label(bounds[0]) : i === bounds.length ? "above " + label(bounds[i - 1]) : label(bounds[i - 1]) + " to " + label(bounds[i]);
      drawn.append(svg("rect", { class: n === 0 ? "b1" : "b2", x: (i - first) * step + gap / 2 + n * wide, y: height - bottom - tall, width: wide, height: Math.max(1, tall), rx: 1.5 },
                       svg("title", {}, range + ": " + percent(set[i]))));
    }
  });
  drawn.append(svg("text", { x: 0, y: 11 }, "tallest bar " + percent(most)), svg("line", { class: "axis", x1: 0, x2: width, y1: height - bottom, y2: height - bottom }));
  const every = Math.ceil(44 / step);
  for (let i = first; i < last; i += every) {  // a bound lies where its bucket ends
    const at = (i - first + 1) * step;
    if (at < width - 16) drawn.append(svg("text", { x: at, y: height - 6, "text-anchor": "middle" }, label(bounds[i])));
  }
  return drawn;
}

function legend(entries) {
  return html("div", { class: "legend" }, entries.map(([color, name, value]) =>
    html("span", {}, html("i", { style: `background:var(${color})` }), name, " ", html("b", {}, value))));
}

// --- Parts of the page -------------------------------------------------------------------------------------

const widthOf = id => Math.max(220, byId(id).clientWidth || 400);

function point(now) {
  const last = answers.length > 1 ? answers[answers.length - 2] : null;
  if (last === null || now.time <= last.time) return null;
  const took = now.time - last.time, smooth = before(SMOOTH_S);
  const requests = growth(last, now, "adscore_requests_total", isScoring);
  const all = sum(requests.map(series => series.value));
  const latency = histogram(smooth, now, "adscore_request_duration_seconds", isScoring);
  const loops = Math.max(1, seriesOf(now, "adscore_busy_seconds_total").length);
  return {
    rate: all / took,
    errors: all === 0 ? 0 : sum(requests.filter(series => series.labels.code !== "OK").map(series => series.value)) / all,
    rows: grown(last, now, "adscore_rows_total") / took,
    p50: quantile(latency, 0.5), p99: quantile(latency, 0.99), p999: quantile(latency, 0.999),
    batch: mean(histogram(smooth, now, "adscore_batch_rows")),
    queue: gauge(now, "adscore_queued_rows"),
    busy: grown(last, now, "adscore_busy_seconds_total") / took / loops,
  };
}

function tile(key, name, value, unit, note, isBad = false) {
  return html("div", { class: isBad ? "tile bad" : "tile", "data-key": key },
    html("div", { class: "name" }, name), html("div", { class: "value" }, value, html("small", {}, unit ? " " + unit : "")),
    html("div", { class: "note" }, note), sparkline(key));
}

function drawTiles(now) {
  const last = points[points.length - 1];
  if (!last) return show("tiles", empty("two answers are needed for a rate"));
  const loops = seriesOf(now, "adscore_busy_seconds_total").length, limit = gauge(now, "adscore_max_queued_rows");
  show("tiles",
    tile("rate", "Requests", number(last.rate), "/s", number(last.rows) + " candidates/s"),
    tile("errors", "Not answered OK", percent(last.errors), "", "of the requests", last.errors > 0.01),
    tile("p99", "Latency p99", seconds(last.p99), "", `p50 ${seconds(last.p50)}, p99.9 ${seconds(last.p999)}`),
    tile("batch", "Batch", number(last.batch), "rows", "mean of a forward pass"),
    tile("queue", "Queue", number(last.queue), "rows", "of " + number(limit) + " that may wait", last.queue > limit / 2),
    tile("busy", "Busy", percent(last.busy), "", loops === 1 ? "of one serving loop" : "of " + loops + " serving loops"));
}

function drawServer(now) {
  const width = widthOf("latency"), last = points[points.length - 1], recent = before(WINDOW_S);
  show("latency", latencyChart(width, [["p50", "c2"], ["p99", "c1"], ["p999", "c3"]]),
    last ? legend([["--mark-2", "p50", seconds(last.p50)], ["--mark", "p99", seconds(last.p99)], ["--other", "p99.9", seconds(last.p999)]]) : "");
  show("batches", bars(width, 190, [histogram(recent, now, "adscore_batch_rows")], value => value.toLocaleString("en")));

  const of = { queue: "request", decode: "request", encode: "batch", forward: "batch", write: "request" };
  const stages = Object.keys(of).map(stage => [stage, histogram(recent, now, "adscore_stage_duration_seconds", labels => labels.stage === stage)]);
  const took = Math.max(1e-12, now.time - recent.time), most = Math.max(...stages.slice(1).map(([, h]) => h.sum), 1e-12);
  show("stages", table([["stage"], ["p50", true], ["p99", true], ["share of time", true], [""]],
    stages.map(([stage, h]) => [html("td", {}, stage, html("span", { class: "quiet" }, " of a " + of[stage])), seconds(quantile(h, 0.5)), seconds(quantile(h, 0.99)),
      stage === "queue" ? dash : percent(h.sum / took),
      html("td", { class: "wide", style: "width:24%" }, stage === "queue" ? "" : html("div", { class: "bar", style: `width:${(100 * h.sum / most).toFixed(1)}%` }))])));

  const byCode = new Map();
  for (const series of growth(recent, now, "adscore_requests_total", isScoring)) {
    byCode.set(series.labels.code, (byCode.get(series.labels.code) || 0) + series.value);
  }
  const rejected = growth(recent, now, "adscore_rejected_total").filter(series => series.value > 0);
  const rows = [...[...byCode].filter(([, count]) => count > 0).map(([code, count]) => [code, number(count / took) + " /s"]),
                ...rejected.map(series => [html("span", { class: "quiet" }, "not scored: " + series.labels.reason), number(series.value / took) + " /s"])];
  show("answers", rows.length > 0 ? table([["answer"], ["rate", true]], rows) : empty("no requests"));
}

function drawVersions(now, model, recent) {
  const took = Math.max(1e-12, now.time - recent.time);
  const heads = [...new Set(seriesOf(now, "adscore_prediction", labels => labels.model === model.name).map(series => series.labels.head))];
  const isOf = version => labels => labels.model === model.name && labels.version === String(version.version);
  return table([["version"], ["state"], ["candidates/s", true], ...heads.map(head => ["mean " + head, true]), ["size", true], [""]],
    model.versions.map(version => {
      const size = gauge(now, "adscore_snapshot_bytes", isOf(version));
      const states = html("td", { class: "states" }, version.states.map(state => html("span", { class: "chip " + state }, state)));
      if (version.reason) {
        return [version.version, states, html("td", { class: "reason", colspan: heads.length + 3 }, `${span(now.time - version.refused_at)} ago: ${version.reason}`)];
      }
      return [version.version, states, number(grown(recent, now, "adscore_rows_total", isOf(version)) / took),
        ...heads.map(head => probability(mean(histogram(recent, now, "adscore_prediction", labels => isOf(version)(labels) && labels.head === head)))),
        size > 0 ? bytes(size) : dash,
        html("td", { class: "quiet states" }, version.states.includes("canary") ? percent(model.canary_share) + " of the keys" : version.version === model.serving_version ? "for " + span(now.time - model.serving_since) : "")];
    }));
}

function drawHeads(now, model, recent, width) {
  const beside = model.versions.find(version => version.states.includes("canary"));
  const both = [model.serving_version, ...beside ? [beside.version] : []];
  const heads = [...new Set(seriesOf(now, "adscore_prediction", labels => labels.model === model.name).map(series => series.labels.head))];
  return heads.map(head => {
    const of = version => histogram(recent, now, "adscore_prediction", labels => labels.model === model.name && labels.head === head && labels.version === String(version));
    const shown = both.filter(version => version === model.serving_version || of(version).count > 0), sets = shown.map(of);
    const shadow = model.shadow.find(difference => difference.head === head && difference.rows > 0);
    return html("div", {}, html("h3", {}, head, html("span", { class: "quiet" }, "probabilities, last minute")),
      bars(Math.min(width, 380), 120, sets, value => String(value)),
      legend([...shown.map((version, n) => [n === 0 ? "--mark" : "--other", "version " + version + ", mean", probability(mean(sets[n]))]),
              ...shadow ? [["--quiet", "shadow, mean", probability(shadow.shadow_mean) + " (stable " + probability(shadow.stable_mean) + ")"]] : []]));
  });
}

// Those with the largest shares.
function drawFeatures(now, model, recent) {
  const isOf = labels => labels.model === model.name;
  const shareOf = name => new Map(growth(recent, now, name, isOf).map(series => [series.labels.feature, series.value]));
  const missing = shareOf("adscore_feature_missing_total"), unknown = shareOf("adscore_feature_unknown_total");
  const rows = [...shareOf("adscore_feature_values_total")].filter(([, values]) => values > 0).map(([feature, values]) =>
    ({ feature, missing: (missing.get(feature) || 0) / values, unknown: unknown.has(feature) ? unknown.get(feature) / values : null }));
  const worst = rows.filter(row => row.missing + row.unknown > 0).sort((a, b) => b.missing + b.unknown - a.missing - a.unknown).slice(0, 6);
  if (worst.length === 0) return null;
  return html("div", {}, html("h3", {}, "Features", html("span", { class: "quiet" }, "most missing or unknown, sampled, last minute")),
    table([["feature"], ["missing", true], ["not in the vocabulary", true]], worst.map(row => [row.feature, percent(row.missing), percent(row.unknown)])));
}

function drawModels(now) {
  const recent = before(WINDOW_S), long = before(LONG_S), width = byId("models").clientWidth - 34;
  if (now.models.length === 0) return show("models", html("article", { class: "card model" }, empty("no model in the model root")));
  show("models", ...now.models.map(model => {
    const isOf = labels => labels.model === model.name;
    const latency = histogram(recent, now, "adscore_request_duration_seconds", labels => isOf(labels) && isScoring(labels));
    const rate = grown(recent, now, "adscore_requests_total", labels => isOf(labels) && isScoring(labels)) / Math.max(1e-12, now.time - recent.time);
    const age = seriesOf(now, "adscore_model_age_seconds", isOf)[0];
    const facts = [model.serving_version === 0 ? "nothing serves" : "version " + model.serving_version, ...age ? [span(age.value) + " old"] : [],
                   number(rate) + " requests/s", "p50 " + seconds(quantile(latency, 0.5)), "p99 " + seconds(quantile(latency, 0.99))];
    return html("article", { class: "card model", "data-model": model.name },
      html("h2", {}, model.name, html("span", { class: "quiet" }, facts.join(" · "))),
      model.problem ? html("p", { class: "problem" }, model.problem) : null,
      drawVersions(now, model, recent),
      html("div", { class: "heads" }, model.serving_version === 0 ? null : drawHeads(now, model, long, width), drawFeatures(now, model, long)));
  }));
}

function drawState(now) {
  const lost = lastAnswerAt !== null && now === null;
  const state = byId("state");
  document.body.classList.toggle("stale", lost);
  if (now === null) {
    state.className = "state bad";
    const since = lastAnswerAt === null ? "" : ` for ${span((Date.now() - lastAnswerAt) / 1000)}; what is below is as old`;
    state.textContent = "the server can't be reached" + since;
    return;
  }
  state.className = now.not_ready === null ? "state good" : "state";
  state.textContent = now.not_ready === null ? "ready" : "not ready: " + now.not_ready;
  const build = seriesOf(now, "adscore_build_info")[0];
  show("build", build ? build.labels.version : "");
  show("about", [location.host, "up " + span(Math.max(0, now.time - gauge(now, "process_start_time_seconds"))), bytes(gauge(now, "process_resident_memory_bytes")) + " resident",
                 number(gauge(now, "process_threads")) + " threads"].join(" · "));
}

async function poll() {
  const abort = new AbortController(), timer = setTimeout(() => abort.abort(), TIMEOUT_MS);
  let now = null;
  try {
    const response = await fetch("/status.json", { signal: abort.signal, cache: "no-store" });
    if (response.ok) now = await response.json();
  } catch (error) {
    // Said by drawState.
  }
  clearTimeout(timer);
  if (now !== null) {
    lastAnswerAt = Date.now();
    answers.push(now);
    if (answers.length > KEPT) answers.shift();
    const made = point(now);
    if (made !== null) points.push(made);
    if (points.length > SHOWN) points.shift();
    drawTiles(now);
    drawServer(now);
    drawModels(now);
  }
  drawState(now);
  setTimeout(poll, POLL_MS);
}

// A mistake in this page must not look like a quiet server.
const confess = message => {
  document.body.dataset.error = message;
  byId("state").className = "state bad";
  byId("state").textContent = "this page has failed: " + message;
};
addEventListener("error", event => confess(event.message));
addEventListener("unhandledrejection", event => confess(String(event.reason)));
poll();
