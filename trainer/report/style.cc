#include "trainer/report/style.h"

namespace adscore::trainer::report {

const char* const kStyle = R"css(
:root { color-scheme: light dark; --page: #ffffff; --card: #f6f7f9; --ink: #1d2430; --faint: #5d6778;
  --rule: #dfe3e9; --first: #1f6fb2; --second: #c8641b; --good: #1c7a45; --bad: #b3261e; --open: #8a6500; }
@media (prefers-color-scheme: dark) {
  :root { --page: #14171c; --card: #1d2128; --ink: #e4e8ee; --faint: #9aa5b5; --rule: #343b46;
    --first: #6cb2ee; --second: #f0a05f; --good: #63c98e; --bad: #ff8f85; --open: #e3bd55; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--page); color: var(--ink);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px; }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 40px 0 8px; padding-top: 12px; border-top: 1px solid var(--rule); }
h3 { font-size: 1.05rem; margin: 24px 0 6px; overflow-wrap: anywhere; }
h4 { font-size: 0.95rem; margin: 0 0 6px; }
p { margin: 6px 0 12px; max-width: 75ch; }
p, figcaption { color: var(--faint); }
p.lead { color: var(--ink); overflow-wrap: anywhere; }
ul { margin: 6px 0 12px; padding-left: 20px; max-width: 85ch; }
.verdict { border-left: 4px solid var(--open); background: var(--card); padding: 10px 14px; margin: 10px 0;
  border-radius: 0 6px 6px 0; }
.verdict.good { border-color: var(--good); }
.verdict.bad { border-color: var(--bad); }
.verdict b { display: block; overflow-wrap: anywhere; }
.verdict span { display: block; color: var(--faint); font-size: 0.92rem; overflow-wrap: anywhere; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 440px), 1fr)); gap: 16px; }
figure { margin: 0; padding: 12px; background: var(--card); border-radius: 8px; max-width: 640px; }
figcaption { font-size: 0.85rem; margin-top: 6px; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--faint); font-size: 11px; }
svg .middle { text-anchor: middle; }
svg .end { text-anchor: end; }
svg .title { font-size: 12px; }
.grid { stroke: var(--rule); stroke-width: 1; }
.line { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line.first { stroke: var(--first); }
.line.second { stroke: var(--second); }
.line.guide { stroke: var(--faint); stroke-width: 1.2; stroke-dasharray: 5 4; }
.area.first { fill: var(--first); opacity: 0.12; }
.bar.first, .dot.first { fill: var(--first); }
.bar.second { fill: var(--second); }
.bar { opacity: 0.55; }
.bar.solid { opacity: 1; }
.scroll { overflow-x: auto; margin: 8px 0 16px; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 0.9rem; }
th, td { text-align: right; padding: 5px 10px; border-bottom: 1px solid var(--rule); white-space: nowrap;
  vertical-align: top; }
th { color: var(--faint); font-weight: 600; }
th:first-child, td:first-child { text-align: left; padding-left: 0; max-width: 280px; overflow: hidden;
  text-overflow: ellipsis; }
td small { display: block; color: var(--faint); font-size: 0.8rem; }
.share { display: inline-block; height: 9px; border-radius: 2px; background: var(--first); min-width: 1px;
  vertical-align: middle; }
.share.less { background: var(--second); }
td.wide, .facts td { text-align: left; }
.facts td { white-space: normal; overflow-wrap: anywhere; }
.tip { border-bottom: 1px dotted var(--faint); cursor: help; }
#tip { position: absolute; z-index: 1; max-width: min(340px, 90vw); padding: 8px 11px; border-radius: 6px;
  background: var(--ink); color: var(--page); font-size: 0.85rem; pointer-events: none; }
footer { margin-top: 48px; color: var(--faint); font-size: 0.85rem; }
)css";

}  // namespace adscore::trainer::report
