"""Measures adscore-server from outside: server on core 0, load generator on core 1, runs of both sides in turns.

    serving_bench.py floor      against a gRPC server that does no work: throughput, tail, a lone request
    serving_bench.py load       rate, mean batch, p50 and p99 as the load grows
    serving_bench.py large      small requests alone, and while others with 5,000 candidates run
    serving_bench.py scoring    rows per second against forward_bench alone
    serving_bench.py overload   three times what it can carry, with deadlines; every answer checked
    serving_bench.py recording  what recording metrics takes of the time that a request costs at saturation
    serving_bench.py logging    what --request-log takes at saturation, with a sample of 1 % and with everything
    serving_bench.py swap       half of what it can carry while a 50 MB model is replaced 1,000 times
    serving_bench.py huge       the same while another model with a table of 6 GB is loaded

Needs the release build (--bin) and the Python standard library. Prints medians and min..max; run it on an idle machine.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request

SMALL, WIDE = "10-64-32-1", "429-400-400-400-1"
OVERLOAD_SECONDS = 30
FEATURES = {SMALL: (5, 0), WIDE: (13, 26)}  # numeric, categorical; as make_bench_model makes them


class Bench:
    """Starts servers and loads them. Everything that it starts ends with it."""

    def __init__(self, bin_dir, seconds, runs):
        self.bin, self.seconds, self.runs = pathlib.Path(bin_dir), seconds, runs
        self.stack = contextlib.ExitStack()
        self.root = pathlib.Path(self.stack.enter_context(tempfile.TemporaryDirectory()))

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.stack.close()

    def model(self, shape):
        """A model root of its own with one model, "m"."""
        root = self.root / shape
        if not root.exists():
            root.mkdir()
            subprocess.run([self.bin / "make_bench_model", shape, root, "m"], check=True)
        return root

    def start(self, command):
        """Returns its process, gRPC address and HTTP address."""
        process = subprocess.Popen(["taskset", "-c", "0"] + [str(word) for word in command],
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.stack.callback(process.wait)
        self.stack.callback(process.terminate)
        grpc, http = re.match(r"listening on grpc://(\S+)(?: http://(\S+))?", process.stdout.readline()).groups()
        return process, grpc, http

    def server(self, shape, *flags):
        return self.start([self.bin / "adscore-server", "--model-root", self.model(shape), "--listen", "127.0.0.1:0",
                           "--http-listen", "127.0.0.1:0", "--serving-threads", 1, *flags])

    def floor(self, shape):
        numeric, categorical = FEATURES[shape]
        return self.start([self.bin / "floor_server", "--numeric", numeric, "--categorical", categorical])

    def load(self, target, shape, candidates, *flags, seconds=None):
        name = "m" if "floor" not in flags else "floor"
        command = ["taskset", "-c", "1", self.bin / "adscore-client", "bench", "--target", target, "--model", name,
                   "--data", self.model(shape) / "m.csv", "--candidates", candidates, "--json",
                   "--duration", seconds or self.seconds, *[flag for flag in flags if flag != "floor"]]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
        return json.loads(done.stdout)


def text(values, digits=0):
    return f"{statistics.median(values):,.{digits}f} ({min(values):,.{digits}f}..{max(values):,.{digits}f})"


def compare(what, server, floor, digits=0):
    """A line: both sides' medians, and the ratio of the medians with the spread of the runs' ratios."""
    ratios = [s / f for s, f in zip(server, floor)]
    ratio = statistics.median(server) / statistics.median(floor)
    print(f"{what:34} server {text(server, digits):28} floor {text(floor, digits):28} "
          f"ratio {ratio:.3f} ({min(ratios):.3f}..{max(ratios):.3f})", flush=True)


def cpu_seconds(process):
    """User and system time of the process so far, in all its threads."""
    fields = pathlib.Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def floor(bench):
    server, server_at, _ = bench.server(SMALL)
    bare, bare_at, _ = bench.floor(SMALL)
    sides = [(server, server_at, ()), (bare, bare_at, ("floor",))]

    def in_turns(*flags, seconds=None):
        results = [[], []]
        for _ in range(bench.runs):
            for side, (process, target, kind) in enumerate(sides):
                before = cpu_seconds(process)
                run = bench.load(target, SMALL, 1, *kind, *flags, seconds=seconds)
                run["cpu_us"] = (cpu_seconds(process) - before) * 1e6 / run["requests"]
                results[side].append(run)
        return results

    saturation = 0
    for concurrency in (16, 64, 256):
        # Without a warm-up all that the server does is for requests that are counted.
        results = in_turns("--concurrency", concurrency, "--warmup", 0)
        rates = [[run["requests_per_second"] for run in side] for side in results]
        compare(f"requests/s, {concurrency} in flight", *rates)
        # Where the load generator's core is the limit the rates are alike; what a request costs still differs.
        compare("  CPU time per request, µs", *[[run["cpu_us"] for run in side] for side in results], digits=1)
        saturation = max(saturation, statistics.median(rates[1]))
    results = in_turns("--rate", saturation / 2)
    compare(f"p50 at {saturation / 2:,.0f}/s, µs", *[[r["latency_us"]["p50"] for r in side] for side in results])
    compare(f"p99 at {saturation / 2:,.0f}/s, µs", *[[r["latency_us"]["p99"] for r in side] for side in results])
    results = in_turns("--concurrency", 1)
    compare("a lone request, p50, µs", *[[r["latency_us"]["p50"] for r in side] for side in results])
    for silence in (1, 2, 5):
        results = in_turns("--rate", 1 / silence, "--warmup", 0, "--seed", silence, seconds=6 * silence)
        compare(f"one every {silence} s or so, p50, µs",
                *[[r["latency_us"]["p50"] for r in side] for side in results])


def scrape(http):
    """The metrics without labels that matter here, summed over all label values."""
    sums = {}
    with urllib.request.urlopen(f"http://{http}/metrics") as page:
        for line in page.read().decode().splitlines():
            match = re.match(r"(adscore_\w+)(?:\{[^}]*\})? (\S+)$", line)
            if match:
                sums[match[1]] = sums.get(match[1], 0) + float(match[2])
    return sums


def mean_batch(before, after):
    passes = after["adscore_batch_rows_count"] - before["adscore_batch_rows_count"]
    return (after["adscore_batch_rows_sum"] - before["adscore_batch_rows_sum"]) / max(passes, 1)


def load(bench):
    for shape, candidates in ((SMALL, 1), (WIDE, 10)):
        _, target, http = bench.server(shape)
        peak = bench.load(target, shape, candidates, "--concurrency", 64)["requests_per_second"]
        print(f"{shape}, {candidates} candidates per request; saturation {peak:,.0f} requests/s")
        print("| requests/s | mean batch rows | p50 µs | p99 µs |\n| --- | --- | --- | --- |")
        for share in (0.05, 0.2, 0.4, 0.6, 0.8, 0.9):
            before = scrape(http)
            run = bench.load(target, shape, candidates, "--rate", peak * share)
            print(f"| {run['requests_per_second']:,.0f} | {mean_batch(before, scrape(http)):.1f} | "
                  f"{run['latency_us']['p50']:,.0f} | {run['latency_us']['p99']:,.0f} |", flush=True)


def forward_rows_per_second(bench, shape, batch):
    done = subprocess.run(["taskset", "-c", "0", str(bench.bin / "forward_bench"), "--benchmark_format=json",
                           f"--benchmark_filter=^forward/{shape}/f32/{batch}$"], capture_output=True, text=True)
    return 1e9 / json.loads(done.stdout)["benchmarks"][0]["ns_per_row"]


def scoring(bench):
    _, target, http = bench.server(WIDE)
    served, alone, batches = [], [], []
    for _ in range(bench.runs):
        before = scrape(http)
        served.append(bench.load(target, WIDE, 100, "--concurrency", 8)["rows_per_second"])
        batches.append(mean_batch(before, scrape(http)))
        batch = min((1, 2, 4, 8, 16, 32, 64, 128, 256, 512), key=lambda b: abs(b - batches[-1]))
        alone.append(forward_rows_per_second(bench, WIDE, batch))
    print(f"{WIDE}, 100 candidates per request, mean batch {text(batches)} rows")
    compare("rows/s (floor: forward_bench)", served, alone)


def recording(bench):
    """What metrics_bench measures for a batch of the size that the saturated server has, against the server's CPU time."""
    for shape, candidates in ((SMALL, 1), (SMALL, 20), (SMALL, 100), (WIDE, 20)):
        process, target, http = bench.server(shape)
        shares, costs, records, batches = [], [], [], []
        for _ in range(bench.runs):
            before, cpu = scrape(http), cpu_seconds(process)
            run = bench.load(target, shape, candidates, "--concurrency", 64, "--warmup", 0)
            costs.append((cpu_seconds(process) - cpu) * 1e6 / run["requests"])
            batches.append(mean_batch(before, scrape(http)) / candidates)
            batch = min((1, 2, 4, 8, 16, 32, 64), key=lambda b: abs(b - batches[-1]))
            done = subprocess.run(["taskset", "-c", "0", str(bench.bin / "metrics_bench"), "--benchmark_format=json",
                                   f"--benchmark_filter=^record/{batch}/{candidates}$"], capture_output=True, text=True)
            records.append(json.loads(done.stdout)["benchmarks"][0]["ns_per_request"])
            shares.append(100 * records[-1] / 1e3 / costs[-1])
        print(f"{shape}, {candidates:3} candidates: {text(costs, 1)} µs CPU per request, {text(batches, 1)} requests per "
              f"batch; recording {text(records)} ns, {text(shares, 2)} %", flush=True)


def logging(bench):
    """Three servers alike but for the log, in turns. Processor time is the whole process's, the writer's with it."""
    samples = {"no log": None, "1 %": 0.01, "all": 1}
    for shape, candidates in ((SMALL, 1), (SMALL, 20), (WIDE, 20)):
        servers = {}
        for label, sample in samples.items():
            flags = () if sample is None else ("--request-log", bench.root / f"log-{shape}-{candidates}-{label[0]}",
                                               "--request-log-sample", sample)
            servers[label] = bench.server(shape, *flags)
        rates, costs = {label: [] for label in samples}, {label: [] for label in samples}
        for _ in range(bench.runs):
            for label, (process, target, _) in servers.items():
                cpu = cpu_seconds(process)
                run = bench.load(target, shape, candidates, "--concurrency", 64, "--warmup", 0)
                costs[label].append((cpu_seconds(process) - cpu) * 1e6 / run["requests"])
                rates[label].append(run["requests_per_second"])
        for label, (process, _, http) in servers.items():
            ratios = [b / a for a, b in zip(rates["no log"], rates[label])]
            lost = sum(float(value) for name, value in scrape(http).items() if "request_log_dropped" in name)
            print(f"{shape}, {candidates:3} candidates, {label:6}: {text(rates[label])} requests/s, "
                  f"ratio {statistics.median(ratios):.3f} ({min(ratios):.3f}..{max(ratios):.3f}), "
                  f"{text(costs[label], 2)} µs CPU per request, {lost:,.0f} dropped", flush=True)
            process.terminate()


def large(bench):
    for label, flags in (("in slices", ()), ("whole (--max-batch-rows 8192)", ("--max-batch-rows", 8192))):
        _, target, _ = bench.server(WIDE, *flags)
        for others in (False, True):
            p50, p99 = [], []
            for _ in range(bench.runs):
                with contextlib.ExitStack() as stack:
                    if others:
                        command = ["taskset", "-c", "1", bench.bin / "adscore-client", "bench", "--target", target,
                                   "--model", "m", "--data", bench.model(WIDE) / "m.csv", "--candidates", 5000,
                                   "--concurrency", 1, "--deadline-ms", 10000, "--duration", 1000]
                        other = subprocess.Popen([str(word) for word in command], stdout=subprocess.DEVNULL,
                                                 stderr=subprocess.DEVNULL)
                        stack.callback(other.wait)
                        stack.callback(other.kill)
                        time.sleep(2)
                    run = bench.load(target, WIDE, 1, "--rate", 200)
                p50.append(run["latency_us"]["p50"])
                p99.append(run["latency_us"]["p99"])
            print(f"{label:30} {'beside 5,000 candidates' if others else 'alone':24} "
                  f"p50 {text(p50)} µs, p99 {text(p99)} µs", flush=True)


def resident_mb(process):
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1024


class MemoryWatch:
    """Notes the process's resident memory every second while it is entered."""

    def __init__(self, process):
        self.process, self.mb, self.over = process, [], threading.Event()
        self.thread = threading.Thread(target=self.watch)

    def watch(self):
        while not self.over.wait(1):
            self.mb.append(resident_mb(self.process))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *error):
        self.over.set()
        self.thread.join()


def overload(bench):
    for shape, candidates in ((WIDE, 100),):
        process, target, _ = bench.server(shape)
        runs = [bench.load(target, shape, candidates, "--concurrency", n, "--check") for n in (8, 16, 32, 64)]
        peak = max(run["requests_per_second"] for run in runs)
        deadline = ("--deadline-ms", 20)
        normal = bench.load(target, shape, candidates, "--rate", peak / 2, "--check", *deadline)
        print(f"{shape}, {candidates} candidates: peak {peak:,.0f} requests/s; at half of it p99 "
              f"{normal['latency_us']['p99']:,.0f} µs, {resident_mb(process):.0f} MB")
        with MemoryWatch(process) as memory:
            run = bench.load(target, shape, candidates, "--rate", 3 * peak, "--check", *deadline, "--connections", 4,
                             seconds=OVERLOAD_SECONDS)
        time.sleep(1)
        # Unchecked, since asking for all answers beforehand would take a while.
        after = bench.load(target, shape, candidates, "--rate", peak / 2, *deadline, "--warmup", 0, seconds=1)
        settled = bench.load(target, shape, candidates, "--rate", peak / 2, "--check", *deadline)
        print(f"  3x for {OVERLOAD_SECONDS} s: goodput {run['requests_per_second'] / peak:.3f} of the peak, "
              f"{run['requests']:,} sent of {run['requests_due']:,} due, errors {run['errors_by_code']}\n"
              f"  answers: p50 {run['latency_us']['p50']:,.0f} µs, slowest {run['latency_us']['max']:,.0f} µs, "
              f"wrong {sum(r['wrong'] for r in [*runs, normal, run, settled])}\n"
              f"  MB, every fifth second: {' '.join(f'{mb:.0f}' for mb in memory.mb[::5])}\n"
              f"  p99 in the second that began 1 s later: {after['latency_us']['p99']:,.0f} µs, errors {after['errors']}; "
              f"then {settled['latency_us']['p99']:,.0f} µs", flush=True)


SWAP_CANDIDATES = 100
STOCK = 4  # versions with different weights


def swap_under_load(bench, root, stock, swap_model, period, swaps, window_ms):
    """The load is on model "m", half of what saturates the server on its core."""
    _, target, _ = bench.start([bench.bin / "adscore-server", "--model-root", stock, "--listen", "127.0.0.1:0",
                                "--http-listen", "127.0.0.1:0", "--serving-threads", 1])
    peak = bench.load(target, WIDE, SWAP_CANDIDATES, "--concurrency", 16)["requests_per_second"]
    process, target, http = bench.start([bench.bin / "adscore-server", "--model-root", root, "--listen", "127.0.0.1:0",
                                         "--http-listen", "127.0.0.1:0", "--serving-threads", 1])
    command = ["taskset", "-c", "1", bench.bin / "swap_bench", "--target", target, "--root", root, "--stock", stock,
               "--model", "m", "--swap-model", swap_model, "--period", period, "--swaps", swaps,
               "--window-ms", window_ms, "--rate", peak / 2, "--candidates", SWAP_CANDIDATES, "--pid", process.pid]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    print(f"peak {peak:,.0f} requests/s of {SWAP_CANDIDATES} candidates\n{done.stdout}{done.stderr}", end="")
    with urllib.request.urlopen(f"http://{http}/metrics") as page:
        print("\n".join(line for line in page.read().decode().splitlines()
                        if re.match(r"adscore_model_(swaps_total|load_duration_seconds_(sum|count))", line)), flush=True)


def swap(bench):
    stock, root = bench.root / "stock", bench.root / "swapped"
    for version in range(1, STOCK + 1):
        subprocess.run([bench.bin / "make_bench_model", WIDE, stock, "m", str(version), "180000"], check=True)
    print(f"{(stock / 'm' / '1' / 'snapshot').stat().st_size / 1e6:.0f} MB")
    (root / "m").mkdir(parents=True)
    swap_under_load(bench, root, stock, "m", STOCK, bench.swaps, 100)


def huge(bench):
    stock, root = bench.root / "stock", bench.root / "swapped"
    stock.mkdir()
    subprocess.run([bench.bin / "make_bench_model", WIDE, stock, "m"], check=True)
    for model in ("m", "big"):
        (root / model).mkdir(parents=True)
    subprocess.run(["cp", "-r", stock / "m" / "1", root / "m" / "1"], check=True)
    subprocess.run([bench.bin / "make_large_snapshot", stock, "big", "6"], check=True)
    swap_under_load(bench, root, stock, "big", 1, 6, 12_000)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["floor", "load", "large", "scoring", "overload", "recording", "logging", "swap",
                                         "huge"])
    parser.add_argument("--bin", default=pathlib.Path(__file__).parent.parent / "build/release/bin", help="programs")
    parser.add_argument("--seconds", type=float, default=5, help="of each run (default 5)")
    parser.add_argument("--runs", type=int, default=5, help="of each side (default 5)")
    parser.add_argument("--swaps", type=int, default=1000, help="of swap (default 1000)")
    flags = parser.parse_args()
    with Bench(flags.bin, flags.seconds, flags.runs) as bench:
        bench.swaps = flags.swaps
        {"floor": floor, "load": load, "large": large, "scoring": scoring, "overload": overload, "recording": recording, "logging": logging, "swap": swap,
         "huge": huge}[flags.what](bench)


if __name__ == "__main__":
    main()
