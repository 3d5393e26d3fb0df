"""How pages look, on light and dark screens and on paper."""

STYLE = """
:root {
  color-scheme: light dark;
  --paper: #ffffff; --panel: #f8f8fa; --ink: #1c2024; --muted: #60646c;
  --line: #dcdce2; --accent: #0b72b9; --second: #cf5200;
  --good: #1a7f45; --bad: #c4320a; --warn: #fff4e5; --warn-line: #f0a33a;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #111214; --panel: #1a1b1f; --ink: #ecedee; --muted: #a3a7ae;
    --line: #33353b; --accent: #58b0ee; --second: #f6924e;
    --good: #58c58a; --bad: #ff8b6b; --warn: #2c2113; --warn-line: #b97a22;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--paper); color: var(--ink);
  font: 15px/1.5 system-ui, "Segoe UI", Roboto, "Helvetica Neue", "Liberation Sans", Arial, sans-serif;
}
main { max-width: 1080px; margin: 0 auto; padding: 28px 28px 40px; }
h1 { font-size: 24px; line-height: 1.25; margin: 0; }
h2 { font-size: 16px; margin: 0 0 4px; }
h3 { font-size: 13px; color: var(--muted); font-weight: 600; margin: 14px 0 6px; }
p { margin: 0 0 8px; }
.lead, .note { color: var(--muted); }
.note { font-size: 13px; }
.cards {
  display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr));
  gap: 12px; margin: 18px 0;
}
.card {
  background: var(--panel); border: 1px solid var(--line);
  border-radius: 10px; padding: 12px 12px; min-width: 0;
}
.card.main { grid-column: span 2; border-color: var(--accent); }
.card b { display: block; font-size: 18px; line-height: 1.3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.card.main b { font-size: 30px; line-height: 1.15; color: var(--accent); }
.card.main b small { font-size: 17px; font-weight: 500; color: var(--muted); }
.card span { font-size: 12.5px; color: var(--muted); display: block; line-height: 1.35; }
.warnings {
  background: var(--warn); border-left: 4px solid var(--warn-line);
  border-radius: 6px; padding: 10px 16px; margin: 0 0 18px;
}
.warnings ul, .notes ul { margin: 4px 0 0; padding-left: 18px; }
.grid { display: grid; grid-template-columns: repeat(12, 1fr); gap: 14px; }
section {
  grid-column: span 12; min-width: 0; border: 1px solid var(--line);
  border-radius: 10px; padding: 14px 16px;
}
.column { display: flex; flex-direction: column; gap: 14px; grid-column: span 12; min-width: 0; }
.column section { flex: 0 0 auto; }
.column section:last-child { flex: 1 1 auto; }
@media (min-width: 760px) {
  .w5 { grid-column: span 5; }
  .w7 { grid-column: span 7; }
}
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
th {
  text-align: left; color: var(--muted); font-weight: 600; font-size: 12.5px;
  border-bottom: 1px solid var(--line); padding: 3px 7px 3px 0; vertical-align: bottom;
}
td { padding: 3px 7px 3px 0; border-bottom: 1px solid var(--line); white-space: nowrap; }
tr:last-child td { border-bottom: 0; }
th:last-child, td:last-child { padding-right: 0; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.bar { width: 34%; min-width: 40px; }
.bar i { display: block; height: 11px; border-radius: 2px; background: var(--accent); min-width: 1px; }
svg { max-width: 100%; height: auto; display: block; }
svg text { font-family: inherit; }
.heat { text-align: center; }
.heat img { width: 100%; max-width: 260px; image-rendering: pixelated; border-radius: 4px; }
.scale { display: flex; align-items: center; gap: 8px; max-width: 260px; margin: 6px auto 0; font-size: 12px; color: var(--muted); }
.scale i {
  flex: 1; height: 9px; border-radius: 2px;
  background: linear-gradient(90deg, #000004, #3b0f70, #8c2981, #de4968, #fe9f6d, #fcfdbf);
}
.gallery { display: grid; grid-template-columns: repeat(auto-fill, minmax(86px, 1fr)); gap: 10px; }
.gallery.wide { grid-template-columns: repeat(auto-fill, minmax(170px, 1fr)); }
figure { margin: 0; font-size: 12px; line-height: 1.35; }
figure img { width: 100%; image-rendering: pixelated; border-radius: 4px; display: block; border: 1px solid var(--line); }
figcaption { margin-top: 3px; color: var(--muted); }
figcaption b { color: var(--ink); font-variant-numeric: tabular-nums; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
.curve { background: var(--panel); border-radius: 4px; width: 100%; }
.curve polyline { fill: none; stroke: var(--accent); stroke-width: 0.8; }
.curve polyline + polyline { stroke: var(--second); }
.curve polyline + polyline + polyline { stroke: var(--muted); }
.words { background: var(--panel); border-radius: 4px; padding: 6px; margin: 0; overflow-wrap: anywhere; }
dl.row { display: grid; grid-template-columns: 1fr auto; gap: 0 8px; margin: 0; background: var(--panel); border-radius: 4px; padding: 6px 8px; }
dl.row dt { color: var(--muted); overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
dl.row dd { margin: 0; font-variant-numeric: tabular-nums; }
footer { margin-top: 18px; font-size: 12.5px; color: var(--muted); }
@media print { section { break-inside: avoid; } }
"""  # noqa: E501
