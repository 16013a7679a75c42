"""What our HTML pages share: one style for phone and desktop, light and dark; tables, lists; nothing from outside."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #fff; --ink: #1b1b1b; --soft: #5b5b5b; --line: #dcdcdc; --rule: #bbb;
  --edge: #999; --grid: #eee; --warn: #b94f00; --warn-paper: #fdf1e9; }
@media (prefers-color-scheme: dark) { :root { --paper: #16181b; --ink: #e8e8e6; --soft: #a9adb3; --line: #34383d;
  --rule: #565b62; --edge: #6b7077; --grid: #2a2e33; --warn: #f0883e; --warn-paper: #2e2218; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1180px; padding: 1.2rem; color: var(--ink); background: var(--paper);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
h1 { font-size: 1.6rem; line-height: 1.2; margin: .2rem 0 .4rem; overflow-wrap: anywhere; }
h2 { font-size: 1.15rem; margin: 2rem 0 .5rem; border-top: 1px solid var(--line); padding-top: 1rem; }
h3 { font-size: 1rem; margin: 1.1rem 0 .3rem; }
p, li { max-width: 78ch; overflow-wrap: anywhere; } p.soft, figcaption { color: var(--soft); font-size: .9rem; }
ul { padding-left: 1.2rem; } li { margin: .35rem 0; }
.alert { border-left: 4px solid var(--warn); background: var(--warn-paper); padding: .5rem .8rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 400px), 1fr)); gap: 1.6rem 2rem;
  align-items: start; }
figure { margin: 0; min-width: 0; } figcaption { margin-bottom: .4rem; }
figcaption b { color: var(--ink); font-size: 1rem; }
figure svg { width: 100%; height: auto; display: block; max-width: 560px; } figure svg text { fill: var(--ink); }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; min-width: 100%; }
th, td { padding: .28rem .6rem; text-align: right; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; padding-left: 0; }
thead th { color: var(--soft); font-weight: 600; border-bottom: 2px solid var(--rule); }
@media (max-width: 480px) { table { font-size: .78rem; } th, td { padding: .25rem .3rem; } }
"""


def document(title: str, body: str, style: str = "") -> str:
    """A whole page from its title (plain text) and body (HTML); `style`: rules beside the common ones."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<title>{escape(title)}</title>
<style>{STYLE}{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of plain text; it scrolls by itself where the screen is narrow.

    >>> table(("a",), [("<b>",)]).removeprefix('<div class="wide"><table><thead><tr><th>a</th></tr></thead>')
    '<tbody><tr><td>&lt;b&gt;</td></tr></tbody></table></div>'
    """
    heads = "".join(f"<th>{escape(cell)}</th>" for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def bullets(sentences: Iterable[str]) -> str:
    """A list of plain sentences."""
    return f"<ul>{''.join(f'<li>{escape(sentence)}</li>' for sentence in sentences)}</ul>"


def plot(title: str, note: str, drawing: str) -> str:
    """A drawing (SVG) under its title and what to see in it."""
    return f"<figure><figcaption><b>{escape(title)}</b><br>{escape(note)}</figcaption>{drawing}</figure>"
