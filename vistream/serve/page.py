"""The page's HTML: an empty frame in the style of our reports, which `page.js` fills."""

from __future__ import annotations

from vistream.render.page import document

STYLE = """
body { max-width: 1600px; padding: .8rem 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; margin-bottom: .6rem; }
header h1 { font-size: 1.2rem; margin: 0; } header p { margin: 0; }
#tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 520px), 1fr)); gap: 1rem; }
.tile { border: 1px solid var(--line); border-radius: 6px; padding: .7rem; min-width: 0; }
.tile h2 { border: 0; padding: 0; margin: 0 0 .5rem; font-size: 1rem; display: flex; align-items: baseline;
  gap: .6rem; overflow-wrap: anywhere; }
.state { font-weight: 400; color: var(--soft); overflow-wrap: normal; }
.failed .state, .lost .state { color: var(--warn); }
.views { display: grid; grid-template-columns: 2fr 1fr; gap: .5rem; align-items: start; }
.views figure { margin: 0; }
.views img { display: block; width: 100%; max-height: 80vh; object-fit: contain; background: var(--grid);
  border-radius: 3px; }
.views figcaption { font-size: .78rem; margin: .15rem 0 0; }
.plots4 { display: grid; grid-template-columns: repeat(4, 1fr); gap: .4rem .9rem; margin-top: .6rem; align-items: end; }
.plots4 div { min-width: 0; } .plots4 span { font-size: .78rem; color: var(--soft); }
.plots4 b { display: block; font-variant-numeric: tabular-nums; white-space: nowrap; }
.plots4 svg { display: block; width: 100%; height: 42px; border-bottom: 1px solid var(--edge); }
.plots4 polyline { fill: none; stroke: #0072b2; stroke-width: 1.6; vector-effect: non-scaling-stroke; }
@media (prefers-color-scheme: dark) { .plots4 polyline { stroke: #56b4e9; } }
@media (max-width: 560px) { .views { grid-template-columns: 1fr; } .plots4 { grid-template-columns: repeat(2, 1fr); } }
"""

BODY = """<header><h1>vistream</h1><p class="soft" id="note" role="status">connecting</p></header>
<main id="tiles"></main>
<script src="page.js" defer></script>"""


def page() -> str:
    """The whole page."""
    return document("vistream", BODY, STYLE)
