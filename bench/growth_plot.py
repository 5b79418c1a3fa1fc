"""The figures of bench/growth as one SVG: small panels, what grows to the right on a logarithmic scale."""
import math

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 300, 200, 52, 34, 14, 34
COLOURS = ("#1f6f8b", "#c8553d", "#7a7a7a")
# title, unit, section, what grows, lines (name, field)
PANELS = [
    ("Processor per event", "us", "events", "events", [("batches of 1,000", "cpu_us_per_event")]),
    ("Processor per event", "us", "entities", "entities", [("first pass", "first_us_per_event"), ("second pass", "cpu_us_per_event")]),
    ("Processor per event", "us", "connections", "connections", [("single POSTs", "cpu_us_per_event")]),
    ("Memory", "MiB", "events", "events", [("anonymous", "memory_mib")]),
    ("Memory", "MiB", "entities", "entities", [("anonymous", "memory_mib")]),
    ("Memory", "MiB", "connections", "connections", [("anonymous", "memory_mib")]),
    ("First page of a query", "ms", "events", "events", [("by user", "by_user_ms"), ("by event id", "by_id_ms"), ("features", "features_ms")]),
    ("Start to first answer", "ms", "starts", "events", [("closed cleanly", "clean_ms"), ("after kill -9", "killed_ms")]),
    ("Latency", "ms", "connections", "connections", [("p50", "p50_ms"), ("p99", "p99_ms")]),
]


def short(number):
    for unit, factor in (("M", 1e6), ("k", 1e3)):
        if number >= factor:
            return f"{number / factor:.3g}{unit}"
    return f"{number:g}"


def step_of(top):
    power = 10 ** math.floor(math.log10(top))
    return next(power * part for part in (0.25, 0.5, 1, 2.5) if top / (power * part) <= 5)


class Panel:
    def __init__(self, title, unit, what, lines, rows):
        self.title, self.unit, self.what, self.lines, self.rows = title, unit, what, lines, rows
        places = [math.log10(row[what]) for row in rows]
        self.first, self.last = min(places), max(max(places), min(places) + 1)
        highest = max(row[field] for row in rows for _, field in lines) or 1
        self.step = step_of(highest)
        self.top = math.ceil(highest / self.step) * self.step

    def x(self, value):
        return LEFT + (math.log10(value) - self.first) / (self.last - self.first) * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        return HEIGHT - BOTTOM - value / self.top * (HEIGHT - TOP - BOTTOM)

    def draw(self):
        out = [f'<text x="{LEFT}" y="14" font-weight="bold">{self.title}, {self.unit}</text>']
        out += self.grid()
        for at, (name, field) in enumerate(self.lines):
            colour = COLOURS[at]
            points = " ".join(f"{self.x(row[self.what]):.1f},{self.y(row[field]):.1f}" for row in self.rows)
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
            out += [f'<circle cx="{point.split(",")[0]}" cy="{point.split(",")[1]}" r="3" fill="{colour}"/>' for point in points.split()]
            out.append(f'<text x="{LEFT + 80 * at}" y="27" fill="{colour}">{name}</text>')
        return out

    def grid(self):
        out, value = [], 0.0
        while value <= self.top * 1.001:
            out.append(f'<line x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{self.y(value):.1f}" y2="{self.y(value):.1f}" stroke="#ddd"/>')
            out.append(f'<text x="{LEFT - 5}" y="{self.y(value) + 4:.1f}" text-anchor="end">{value:g}</text>')
            value += self.step
        for row in self.rows:
            out.append(f'<text x="{self.x(row[self.what]):.1f}" y="{HEIGHT - 18}" text-anchor="middle">{short(row[self.what])}</text>')
        out.append(f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 5}" text-anchor="end">{self.what}</text>')
        return out


def draw(sections):
    shown = [(at, panel) for at, panel in enumerate(PANELS) if panel[2] in sections]
    rows = 1 + max(at for at, _ in shown) // 3
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{3 * WIDTH}" height="{rows * HEIGHT}" font-family="sans-serif" font-size="10">',
           '<rect width="100%" height="100%" fill="white"/>']
    for at, (title, unit, section, what, lines) in shown:
        out.append(f'<g transform="translate({at % 3 * WIDTH},{at // 3 * HEIGHT})">')
        out += Panel(title, unit, what, lines, sections[section]).draw()
        out.append("</g>")
    return "\n".join([*out, "</svg>"]) + "\n"
