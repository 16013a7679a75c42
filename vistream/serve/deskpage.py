"""The HTML of the page on which objects are clicked; `desk.js` makes it work."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from vistream.render.page import document

STYLE = """
body { max-width: 1400px; padding: .8rem 1rem; }
header { display: flex; flex-wrap: wrap; align-items: baseline; gap: 0 1rem; }
header h1 { font-size: 1.2rem; margin: 0; } header p { margin: 0; }
#stage { position: relative; margin: .6rem 0; line-height: 0; touch-action: none; cursor: crosshair; }
#stage img, #stage canvas { width: 100%; display: block; border-radius: 4px; background: var(--grid); }
#stage canvas { position: absolute; inset: 0; height: 100%; background: none; }
.row { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem .8rem; margin: .5rem 0; }
.row input[type=range] { flex: 1 1 10rem; min-width: 8rem; } .row output { font-variant-numeric: tabular-nums; }
button, select { font: inherit; padding: .35rem .9rem; border: 1px solid var(--edge); border-radius: 5px;
  color: var(--ink); background: var(--paper); min-height: 2.4rem; }
button.main { background: #0072b2; border-color: #0072b2; color: #fff; } button:disabled { opacity: .45; }
#objects { list-style: none; padding: 0; } #objects li { border-left: .5rem solid; padding-left: .5rem; }
#objects button { min-height: 0; padding: .1rem .5rem; margin-left: .6rem; }
a.download { margin-right: .8rem; } #note { min-height: 1.5em; } #note.alert { margin: .3rem 0; }
"""
HOW = {
    "vos": "Click on an object; click again to add to it, with Shift (or the box below) to take away. Or drag a box.",
    "sot": "Drag a box around the object.",
}


def page(task: str, downloads: Sequence[str]) -> str:
    """The whole page, for the task vos or sot; `downloads`: the forms of a result."""
    links = "".join(
        f'<a class="download" href="result/{escape(kind)}" download>{escape(kind)}</a>' for kind in downloads
    )
    less = '<label><input type="checkbox" id="less"> take away</label>' if task == "vos" else ""
    body = f"""<header><h1 id="title">vistream</h1><p class="soft">{HOW[task]}</p></header>
<div id="stage"><img id="picture" alt="the frame"><canvas id="drawing"></canvas></div>
<div class="row"><button id="back" aria-label="a frame back">&#8249;</button>
<input type="range" id="frame" min="0" max="0" value="0" aria-label="frame">
<button id="forth" aria-label="a frame forth">&#8250;</button><output id="number">0</output></div>
<div class="row"><label>object <select id="which"><option value="">new</option></select></label>{less}
<button id="keep" disabled>keep</button><button id="undo" disabled>undo</button>
<button id="start" class="main" disabled>track</button><button id="stop" disabled>stop</button></div>
<p id="note" class="soft" role="status">loading</p>
<ul id="objects"></ul>
<p id="results" hidden>Download: {links}</p>
<script src="desk.js" defer></script>"""
    return document("vistream", body, STYLE)
