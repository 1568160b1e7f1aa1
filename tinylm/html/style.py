"""How the page looks: one style sheet, made for a phone first, light and dark as the reader has it.

Colours of verdicts keep a contrast of 4.5 to 1 and more, and no verdict is told by its colour alone.
"""

from __future__ import annotations

from tinylm.html.svg import stylesheet

_LIGHT = {
    "back": "#f3f5f8",
    "card": "#ffffff",
    "ink": "#1b1f24",
    "soft": "#59636e",
    "line": "#d9dee4",
    "track": "#e6eaef",
    "code": "#eef1f5",
    "pass": "#1a7f37",
    "pass-back": "#e3f6e8",
    "fail": "#c62828",
    "fail-back": "#fdeaea",
    "open": "#8a5a00",
    "open-back": "#fdf3da",
}
_DARK = {
    "back": "#0e1116",
    "card": "#171b21",
    "ink": "#e6e9ec",
    "soft": "#a0a9b4",
    "line": "#30363d",
    "track": "#2b3138",
    "code": "#242a32",
    "pass": "#4cc26a",
    "pass-back": "#12301c",
    "fail": "#ff7b72",
    "fail-back": "#3c1a1c",
    "open": "#e3b341",
    "open-back": "#352a10",
}

_RULES = """
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;background:var(--back);color:var(--ink);
font:16px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1120px;margin:0 auto;padding:6px}
h1{font-size:1.45rem;line-height:1.25;margin:0;overflow-wrap:anywhere}
h2{font-size:1.15rem;margin:0 0 4px}
h3{font-size:1rem;margin:20px 0 6px}
p{margin:6px 0}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--code);padding:1px 4px;
border-radius:4px;overflow-wrap:anywhere}
section,header{background:var(--card);border:1px solid var(--line);border-radius:12px;padding:16px;margin:0 0 12px}
.lead,.note,.evidence,figcaption,footer{color:var(--soft);font-size:.9rem;overflow-wrap:anywhere}
.lead{margin:0 0 12px}
header{border-left:6px solid var(--tone);display:grid;gap:10px}
.eyebrow{color:var(--soft);font-size:.8rem;letter-spacing:.06em;text-transform:uppercase;margin:0}
.pass{--tone:var(--pass);--tone-back:var(--pass-back)}
.fail{--tone:var(--fail);--tone-back:var(--fail-back)}
.undecided,.not_measured{--tone:var(--open);--tone-back:var(--open-back)}
.chip{display:inline-block;padding:2px 10px;border-radius:999px;background:var(--tone-back);color:var(--tone);
font-weight:600;font-size:.88rem;white-space:nowrap}
.chips{display:flex;flex-wrap:wrap;gap:6px}
.verdict{font-size:1rem;padding:4px 14px;white-space:normal}
.caution{--tone:var(--open);background:var(--open-back);border-left:4px solid var(--open);border-radius:6px;
padding:10px 12px;margin:0;overflow-wrap:anywhere}
.caution code{background:transparent;padding:0}
.tags{display:flex;flex-wrap:wrap;gap:4px 18px;color:var(--soft);font-size:.88rem;margin:0;padding:0;list-style:none}
.limits,.plain{list-style:none;margin:0;padding:0}
.limits>li{display:grid;grid-template-columns:1fr auto;gap:2px 12px;padding:12px 0;border-top:1px solid var(--line)}
.limits>li:first-child{border-top:0}
.name{font-weight:600}
.numbers{font-variant-numeric:tabular-nums}
.numbers b{font-size:1.15rem}
.share{font-variant-numeric:tabular-nums;text-align:right;color:var(--soft)}
.basis{color:var(--soft);font-size:.82rem;font-weight:400;white-space:nowrap}
.track{grid-column:1/-1;position:relative;height:10px;background:var(--track);border-radius:5px;margin:4px 0}
.fill{position:absolute;left:0;top:0;height:100%;min-width:3px;background:var(--tone);border-radius:5px}
.error-bar{position:absolute;top:4px;height:2px;background:var(--ink)}
.stop{position:absolute;top:-3px;height:16px;width:2px;margin-left:-1px;background:var(--ink)}
.limits .evidence{grid-column:1/-1;margin:0}
.limits .chip{justify-self:end}
.plain>li{padding:10px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
.plain>li:first-child{border-top:0}
.scroll{overflow-x:auto;margin:8px 0}
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{padding:6px 7px;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}
thead th{color:var(--soft);font-weight:500;font-size:.84rem;vertical-align:bottom}
th:first-child{text-align:left;padding-left:0;font-weight:400;white-space:normal;min-width:5.5em}
td:last-child,th:last-child{padding-right:0}
tfoot th,tfoot td{font-weight:600!important;border-bottom:0}
.facts{margin:8px 0;font-size:.92rem}
.facts div{display:grid;grid-template-columns:minmax(7em,34%) 1fr;gap:2px 12px;padding:6px 0;
border-bottom:1px solid var(--line)}
.facts dt{color:var(--soft);overflow-wrap:anywhere}
.facts dd{margin:0;overflow-wrap:anywhere}
summary{cursor:pointer;color:var(--soft);margin:10px 0}
figure{margin:12px -15px 4px}
figcaption{padding:0 15px}
figure .tinylm-chart{display:block;width:100%;max-width:600px;height:auto;margin:0 auto}
figcaption{margin-top:4px}
footer{padding:4px 4px 24px}
@media (min-width:820px){
main{padding:24px}
section,header{padding:22px 26px;margin-bottom:18px}
h1{font-size:1.8rem}
figure{margin:12px 0 4px}
figcaption{padding:0}
.columns{display:grid;grid-template-columns:1fr 1fr;gap:0 36px;align-items:start}
.columns>div{min-width:0}
.columns>div:only-child{grid-column:1/-1}
.limits>li{grid-template-columns:14em 13em 1fr 4.5em 9em;align-items:center;gap:2px 16px}
.track{grid-column:auto}
.limits .name{grid-row:1;grid-column:1}
.limits .numbers{grid-row:1;grid-column:2;text-align:right}
.limits .track{grid-row:1;grid-column:3}
.limits .share{grid-row:1;grid-column:4}
.limits .chip{grid-row:1;grid-column:5}
.limits .evidence{grid-column:1/5}
.limits .basis{text-align:right;grid-row:2;grid-column:5}
}
@media print{body{background:#fff}section,header{break-inside:avoid}}
"""


def style() -> str:
    """The page's whole style sheet, its charts' included."""

    def variables(colours: dict[str, str]) -> str:
        return "".join(f"--{name}:{colour};" for name, colour in colours.items())

    return (
        f":root{{color-scheme:light dark;--chart-paper:var(--card);--chart-ink:var(--ink);{variables(_LIGHT)}}}"
        f"@media (prefers-color-scheme:dark){{:root{{{variables(_DARK)}}}}}"
        f"{_RULES}{stylesheet()}"
    )
