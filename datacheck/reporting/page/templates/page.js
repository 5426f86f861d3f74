"use strict";
(() => {
  const announce = document.getElementById("announce");

  const copy = async (text, what) => {
    let done = false;
    try {
      await navigator.clipboard.writeText(text);
      done = true;
    } catch {
      const area = document.createElement("textarea");
      area.value = text;
      document.body.append(area);
      area.select();
      done = document.execCommand("copy");
      area.remove();
    }
    announce.textContent = done ? `Copied ${what}.` : "The browser does not let this page copy.";
    return done;
  };

  for (const button of document.querySelectorAll(".step button")) {
    button.hidden = false;
    button.addEventListener("click", async () => {
      const done = await copy(button.previousElementSibling.textContent, "the command");
      const before = button.dataset.label ?? (button.dataset.label = button.textContent);
      button.textContent = done ? "Copied" : "Not copied";
      setTimeout(() => { button.textContent = before; }, 1500);
    });
  }

  const holder = document.getElementById("findings-data");
  const table = document.getElementById("findings");
  if (!holder || !table) return;

  const SIZE = 50;
  const start = () => {
    const { rows, words } = JSON.parse(holder.textContent);
    const count = rows.k.length;
    const body = table.tBodies[0];
    const controls = document.getElementById("filters");
    const pages = document.getElementById("pages");
    const output = document.getElementById("shown");
    const [back, next] = pages.querySelectorAll("button");
    const text = controls.querySelector("input");
    const selects = [...controls.querySelectorAll("select")];
    const lower = Object.fromEntries(Object.entries(words).map(([name, it]) => [name, it.map((word) => word.toLowerCase())]));
    let order = Uint32Array.from({ length: count }, (_, at) => at);
    let sorted = null;
    let page = 0;

    for (const select of selects) {
      const name = select.dataset.column;
      const seen = new Map();
      for (const at of rows[name]) seen.set(at, (seen.get(at) ?? 0) + 1);
      const listed = [...seen].filter(([at]) => words[name][at] !== "").sort((a, b) => b[1] - a[1]).slice(0, 500);
      for (const [at, many] of listed) {
        const option = document.createElement("option");
        option.value = String(at);
        option.textContent = `${words[name][at]} (${many.toLocaleString("en")})`;
        select.append(option);
      }
      select.parentElement.hidden = listed.length < 2 && name !== "c" && name !== "v";
    }

    const where = (at) => (rows.w[at] === 0 ? rows.k[at] : rows.w[at]);
    const values = {
      where: (at) => where(at),
      i: (at) => rows.i[at] ?? -1,
      f: (at) => words.f[rows.f[at]],
      c: (at) => words.c[rows.c[at]],
      v: (at) => words.v[rows.v[at]],
      m: (at) => words.m[rows.m[at]],
    };
    const VERDICTS = { bad: 0, unverifiable: 1, suspicious: 2 };

    const matching = () => {
      const chosen = selects.filter((it) => it.value !== "").map((it) => [rows[it.dataset.column], Number(it.value)]);
      const wanted = text.value.trim().toLowerCase();
      const hits = wanted === "" ? null : Object.fromEntries(["f", "c", "m"].map((it) => [it, lower[it].map((word) => word.includes(wanted))]));
      const made = [];
      for (let at = 0; at < count; at++) {
        if (chosen.some(([column, value]) => column[at] !== value)) continue;
        if (hits && !(hits.m[rows.m[at]] || hits.c[rows.c[at]] || hits.f[rows.f[at]]
          || rows.k[at].toLowerCase().includes(wanted) || (rows.w[at] !== 0 && rows.w[at].toLowerCase().includes(wanted)))) continue;
        made.push(at);
      }
      return made;
    };

    const sort = (list) => {
      if (sorted === null) return list;
      const [name, down] = sorted;
      const value = name === "v" ? (at) => VERDICTS[values.v(at)] ?? 3 : values[name];
      const keys = new Map(list.map((at) => [at, value(at)]));
      const collator = new Intl.Collator("en", { numeric: true });
      const compare = name === "i" || name === "v" ? (a, b) => a - b : collator.compare;
      return list.sort((a, b) => (compare(keys.get(a), keys.get(b)) || a - b) * (down ? -1 : 1));
    };

    const cell = (name, content) => {
      const made = document.createElement("td");
      if (name) made.className = name;
      made.append(content);
      return made;
    };
    const apart = (words) => {
      const made = document.createElement("bdi");
      made.textContent = words;
      return made;
    };
    const badge = (verdict) => {
      const made = document.createElement("span");
      made.className = `badge ${verdict in VERDICTS ? verdict : ""}`;
      made.textContent = verdict;
      return made;
    };
    const row = (at) => {
      const made = document.createElement("tr");
      const name = document.createElement("button");
      name.type = "button";
      name.className = "copy";
      name.title = `Copy ${rows.k[at]}`;
      name.append(apart(where(at)));
      name.addEventListener("click", () => copy(rows.k[at], rows.k[at]));
      made.append(
        cell("key", name),
        cell("n", rows.i[at] === null ? "" : rows.i[at].toLocaleString("en")),
        cell("mono", apart(values.f(at))),
        cell("mono", values.c(at)),
        cell("", badge(values.v(at))),
        cell("message", apart(values.m(at))),
      );
      if (table.dataset.several) made.prepend(cell("key", apart(words.s[rows.s[at]])));
      return made;
    };

    const draw = () => {
      const last = Math.max(0, Math.ceil(order.length / SIZE) - 1);
      page = Math.min(Math.max(page, 0), last);
      const first = page * SIZE;
      const shown = [...order.slice(first, first + SIZE)].map(row);
      if (!shown.length) {
        const none = cell("empty", "No finding is like that.");
        none.colSpan = table.tHead.rows[0].cells.length;
        const only = document.createElement("tr");
        only.append(none);
        shown.push(only);
      }
      body.replaceChildren(...shown);
      back.disabled = page === 0;
      next.disabled = page === last;
      const some = (number) => number.toLocaleString("en");
      output.textContent = order.length
        ? `${some(first + 1)} to ${some(Math.min(first + SIZE, order.length))} of ${some(order.length)}` + (order.length < count ? `, ${some(count)} in all` : "")
        : `0 of ${some(count)}`;
    };
    const update = () => {
      page = 0;
      order = sort(matching());
      draw();
    };

    for (const select of selects) select.addEventListener("change", update);
    let waiting = 0;
    text.addEventListener("input", () => { clearTimeout(waiting); waiting = setTimeout(update, 120); });
    controls.querySelector("button").addEventListener("click", () => {
      text.value = "";
      for (const select of selects) select.value = "";
      update();
    });
    back.addEventListener("click", () => { page -= 1; draw(); });
    next.addEventListener("click", () => { page += 1; draw(); });
    for (const head of table.tHead.querySelectorAll("th[data-sort]")) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = head.textContent;
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const name = head.dataset.sort;
        const down = sorted !== null && sorted[0] === name && !sorted[1];
        const off = sorted !== null && sorted[0] === name && sorted[1];
        sorted = off ? null : [name, down];
        for (const other of table.tHead.querySelectorAll("th")) other.removeAttribute("aria-sort");
        if (!off) head.setAttribute("aria-sort", down ? "descending" : "ascending");
        update();
      });
    }
    controls.hidden = false;
    pages.hidden = false;
    draw();
    document.documentElement.dataset.ready = "true";
  };
  requestAnimationFrame(() => setTimeout(start));
})();
