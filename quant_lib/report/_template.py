"""HTML template of the tear sheet (Jinja2, auto-escaped)."""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:; font-src data:">
<title>{{ inputs.profile }} – {{ inputs.date }}</title>
<style>
:root { --ink:#111827; --soft:#6b7280; --line:#e5e7eb; --tint:#f9fafb; --accent:#2563eb; }
* { box-sizing:border-box; }
body { margin:0; color:var(--ink); background:#fff; font:15px/1.5 system-ui,-apple-system,"Segoe UI",sans-serif; }
main { max-width:1120px; margin:0 auto; padding:28px 22px 80px; }
h1 { font-size:26px; margin:0 0 2px; letter-spacing:-.01em; }
h2 { font-size:17px; margin:34px 0 8px; }
p.lead { color:var(--soft); margin:0 0 14px; }
nav a { color:var(--accent); text-decoration:none; margin-right:14px; font-size:13px; }
.tiles { display:grid; grid-template-columns:repeat(auto-fit,minmax(210px,1fr)); gap:12px; margin:18px 0; }
.tile { border:1px solid var(--line); border-radius:10px; padding:12px 14px; background:var(--tint); }
.tile b { display:block; font-size:13px; color:var(--soft); font-weight:600; }
.tile .big { font-size:24px; font-weight:650; }
.tile small { color:var(--soft); }
.notes { border-left:3px solid #f59e0b; background:#fffbeb; padding:8px 14px; margin:16px 0; font-size:13.5px; }
.notes ul { margin:0; padding-left:18px; }
.scroll { overflow:auto; max-height:520px; border:1px solid var(--line); border-radius:8px; }
table { border-collapse:collapse; width:100%; font-size:12.5px; font-variant-numeric:tabular-nums; }
th { position:sticky; top:0; background:var(--tint); text-align:right; font-weight:600; }
th,td { padding:5px 9px; border-bottom:1px solid var(--line); text-align:right; white-space:nowrap; }
th:first-child,td:first-child,td.text { text-align:left; }
td:last-child { white-space:normal; }
.note { color:var(--soft); font-size:12.5px; margin:4px 0; }
footer { color:var(--soft); font-size:12.5px; margin-top:40px; }
img { max-width:100%; }
</style>
<script>{{ plotly_js | safe }}</script>
</head>
<body><main>
<h1>{{ inputs.profile }}</h1>
<p class="lead">{{ inputs.description }} · {{ inputs.direction }} · decided on {{ inputs.date }} ·
walk-forward {{ first.strftime('%Y-%m-%d') }} to {{ last.strftime('%Y-%m-%d') }}, {{ n_windows }} windows ·
<b id="survivorship">{{ inputs.stamp }}</b></p>
{% if inputs.regime %}<p class="lead" id="regime">Market regime at the close of the decision: {% for name, value in inputs.regime.items() %}{{ name }} <b>{{ value }}</b>{{ " · " if not loop.last }}{% endfor %}</p>{% endif %}
<nav>{% for anchor, _ in charts %}<a href="#{{ anchor }}">{{ anchor }}</a>{% endfor %}{% for table in tables %}<a href="#{{ table.anchor }}">{{ table.anchor }}</a>{% endfor %}</nav>
<div class="tiles">{% for tile in tiles %}
<div class="tile"><b>{{ tile.risk }}</b><span class="big">{{ tile.total }}</span><br>
<small>Sharpe {{ tile.sharpe }} · max drawdown {{ tile.drawdown }}</small></div>{% endfor %}
</div>
{% if inputs.notes %}<div class="notes"><ul>{% for note in inputs.notes %}<li>{{ note }}</li>{% endfor %}</ul></div>{% endif %}
<noscript><img alt="Net asset value and drawdown" src="data:image/png;base64,{{ png }}"></noscript>
{% macro grid(table) %}<h2 id="{{ table.anchor }}">{{ table.title }}</h2>
<div class="scroll"><table><thead><tr>{% for cell in table.header %}<th>{{ cell }}</th>{% endfor %}</tr></thead>
<tbody>{% for row in table.rows %}<tr>{% for cell in row %}<td{% if cell[:1].isalpha() %} class="text"{% endif %}>{{ cell }}</td>{% endfor %}</tr>
{% endfor %}</tbody></table></div>{% if table.note %}<p class="note">{{ table.note }}</p>{% endif %}{% endmacro %}
{{ grid(metrics) }}
{% for anchor, chart in charts %}<section id="{{ anchor }}">{{ chart | safe }}</section>{% endfor %}
{% for table in tables %}{{ grid(table) }}{% endfor %}
<footer>Configuration {{ inputs.config_hash }}. Every figure comes from the lakehouse tables of this profile and date;
the same numbers are in report.json.</footer>
</main></body></html>
"""
