"use strict";
// Curves and a heat map of gradients, drawn by plotly from the page's own data.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const off = new Set(); // the numbers of the models that are switched off
  const most = 6; // the decades of a gradient at which colours end
  // The buttons are named, since one of plotly's own sends the figure away.
  const config = () => ({
    displaylogo: false, plotlyServerURL: "", responsive: true, typesetMath: false,
    displayModeBar: narrow.matches ? false : "hover",
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]],
  });
  const find = (id) => document.getElementById(id);
  const variable = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const colour = (model) => (dark.matches ? model.dark : model.colour);
  const digits = (value) => Number(value.toPrecision(4)).toString();
  const said = (value, percent) => (percent ? `${(100 * value).toFixed(2)} %` : digits(value));
  const counted = (count) => count.toLocaleString("en");
  const cut = (text, most) => (text.length > most ? `${text.slice(0, most - 1)}…` : text);
  // plotly reads some tags in a text: a name is never one.
  const escaped = (text) => text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

  function chosen(select, names, words, preferred) {
    select.replaceChildren(...names.map((name) => new Option(words(name), name)));
    if (names.map(String).includes(String(preferred))) select.value = preferred;
  }

  function layout(more) {
    const grid = { gridcolor: variable("--line"), zerolinecolor: variable("--line"), automargin: true };
    const { xaxis, yaxis, ...rest } = more;
    return {
      paper_bgcolor: variable("--page"), plot_bgcolor: variable("--page"),
      font: { color: variable("--ink"), family: "system-ui, sans-serif", size: 13 },
      hoverlabel: { namelength: -1, align: "left" },
      margin: { l: 60, r: 16, t: narrow.matches ? 8 : 40, b: 48 }, // plotly's buttons are at the top
      xaxis: { ...grid, ...xaxis }, yaxis: { ...grid, ...yaxis }, ...rest,
    };
  }

  // The words beside a point: the range over seeds, and how many there are.
  function beside(curve, place, percent) {
    const seeds = Array.isArray(curve.seeds) ? curve.seeds[place] : curve.seeds;
    const range = curve.low ? `${said(curve.low[place], percent)} to ${said(curve.high[place], percent)}, ` : "";
    return `${range}${seeds} ${seeds === 1 ? "seed" : "seeds"}`;
  }

  function curveTraces(group, quantity, log) {
    const percent = group.percent && quantity.endsWith("score");
    const traces = [];
    for (const curve of group.curves[quantity]) {
      const model = data.models[curve.model];
      const x = data.grids[curve.grid];
      const visible = off.has(curve.model) ? "legendonly" : true;
      if (curve.low && visible === true && find("bands").checked) {
        const kept = x.map((_, place) => place).filter((place) => !log || curve.low[place] > 0);
        const back = [...kept].reverse();
        traces.push({
          type: "scatter", mode: "lines", fill: "toself", opacity: 0.18, hoverinfo: "skip", showlegend: false,
          line: { width: 0 }, fillcolor: colour(model),
          x: [...kept, ...back].map((place) => x[place]),
          y: [...kept.map((place) => curve.low[place]), ...back.map((place) => curve.high[place])],
        });
      }
      traces.push({
        type: "scatter", mode: x.length > 12 ? "lines" : "lines+markers", visible, meta: curve.model,
        name: escaped(cut(model.label, 34)), line: { color: colour(model), dash: model.dash, width: 2 },
        marker: { symbol: model.symbol, size: 7, color: colour(model) },
        x, y: curve.mean,
        customdata: x.map((_, place) => (
          [escaped(model.label), said(curve.mean[place], percent), beside(curve, place, percent)]
        )),
        hovertemplate: "<b>%{customdata[0]}</b><br>%{x:,} updates: %{customdata[1]}<br>%{customdata[2]}<extra></extra>",
      });
    }
    return traces;
  }

  // What chance scores and what counts as solved, from the first update to the last.
  function references(group, quantity, traces) {
    const ends = traces.flatMap(({ x }) => [x[0], x[x.length - 1]]);
    const known = quantity.endsWith("score") ? ["chance", "solved"].filter((name) => group[name] !== null) : [];
    return known.map((name) => ({
      type: "scatter", mode: "lines", name, hoverinfo: "name",
      line: { color: variable("--soft"), dash: name === "chance" ? "dash" : "dot", width: 1.5 },
      x: [Math.min(...ends), Math.max(...ends)], y: [group[name], group[name]],
    }));
  }

  function drawCurves() {
    const group = data.groups[find("group").value];
    const quantity = find("quantity").value;
    const log = find("log").checked;
    const traces = curveTraces(group, quantity, log);
    Plotly.react("curve-plot", [...traces, ...references(group, quantity, traces)], layout({
      height: narrow.matches ? 380 : 480, hovermode: "closest", showlegend: !narrow.matches,
      xaxis: { title: { text: "updates" } },
      yaxis: {
        title: { text: escaped(group.words[quantity]) }, type: log ? "log" : "linear",
        tickformat: group.percent && quantity.endsWith("score") ? ".0%" : "", exponentformat: "power", nticks: 7,
      },
    }), config());
    listen();
  }

  // plotly forgets its listeners where it draws anew.
  function listen() {
    const plot = find("curve-plot");
    plot.removeAllListeners("plotly_legendclick");
    plot.removeAllListeners("plotly_legenddoubleclick");
    plot.on("plotly_legenddoubleclick", () => false);
    plot.on("plotly_legendclick", ({ curveNumber }) => {
      const model = plot.data[curveNumber].meta;
      if (model === undefined) return true;
      switchModel(model, off.has(model));
      draw();
      return false;
    });
  }

  function hoverText(map, row, column) {
    const value = map.values[row][column];
    if (value === null) return "";
    const name = escaped(data.models[map.models[row]].label);
    const relative = Number((10 ** value).toPrecision(3));
    return `<b>${name}</b><br>distance ${counted(map.distances[column])}`
      + `<br>norm over that at distance 0: ${relative}<br>log₁₀: ${value.toFixed(2)}`;
  }

  function drawGradients() {
    const map = data.groups[find("gradient-group").value].gradients[find("stage").value];
    const rows = map.models.map((_, row) => row).filter((row) => !off.has(map.models[row]));
    const names = rows.map((row) => data.models[map.models[row]].label);
    const z = rows.map((row) => map.values[row]);
    const scale = dark.matches
      ? [[0, "#6aa8ff"], [0.5, "#23282f"], [1, "#ff8a5c"]] : [[0, "#2166ac"], [0.5, "#f5f5f5"], [1, "#b2182b"]];
    Plotly.react("gradient-plot", [{
      type: "heatmap", z, x: map.distances.map(counted), y: rows.map((_, place) => place),
      zmin: -most, zmax: most, colorscale: scale, xgap: 1, ygap: 1, hoverongaps: false,
      text: rows.map((row) => map.distances.map((_, column) => hoverText(map, row, column))),
      hovertemplate: "%{text}<extra></extra>", texttemplate: "",
      colorbar: {
        title: { text: "log₁₀", side: "right" }, thickness: 12, outlinewidth: 0,
        lenmode: "pixels", len: 220, yanchor: "top", y: 1,
      },
    }], layout({
      height: 140 + 22 * Math.max(rows.length, 5),
      xaxis: {
        type: "category", title: { text: "distance in steps or layers" }, showgrid: false,
        side: rows.length > 20 ? "top" : "bottom",
      },
      yaxis: {
        autorange: "reversed", showgrid: false, zeroline: false, tickvals: rows.map((_, place) => place),
        ticktext: names.map((name) => escaped(cut(name, narrow.matches ? 14 : 40))),
      },
    }), config());
    tabulate(map, rows, names);
  }

  function tabulate(map, rows, names) {
    const table = find("gradient-table");
    table.replaceChildren();
    const line = (cells) => {
      const row = table.insertRow();
      cells.forEach((text, place) => {
        const heading = place === 0 || row.rowIndex === 0;
        const cell = row.appendChild(document.createElement(heading ? "th" : "td"));
        if (heading) cell.scope = row.rowIndex === 0 ? "col" : "row";
        cell.textContent = text;
      });
    };
    line(["model", ...map.distances.map(counted)]);
    rows.forEach((row, place) => {
      line([names[place], ...map.values[row].map((value) => (value === null ? "" : value.toFixed(2)))]);
    });
  }

  function draw() {
    find("shown").textContent = `${data.models.length - off.size} of ${data.models.length} models shown`;
    if (curved.length) drawCurves();
    if (graded.length) drawGradients();
  }

  function switchModel(model, on) {
    off[on ? "delete" : "add"](model);
    boxes[model].checked = on;
  }

  function box(model) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    const swatch = document.createElement("span");
    input.type = "checkbox";
    input.checked = true;
    swatch.className = "swatch";
    swatch.setAttribute("aria-hidden", "true");
    label.append(input, swatch, model.label);
    find("models").append(label);
    return input;
  }

  function paint() {
    document.querySelectorAll(".swatch").forEach((swatch, model) => {
      swatch.style.background = colour(data.models[model]);
    });
    draw();
  }

  function chooseGroup() {
    const group = data.groups[find("group").value];
    const known = data.quantities.filter((name) => name in group.curves);
    chosen(find("quantity"), known, (name) => group.words[name], find("quantity").value);
    chooseQuantity();
  }

  function chooseQuantity() {
    const group = data.groups[find("group").value];
    find("log").checked = !(group.percent && find("quantity").value.endsWith("score"));
  }

  function chooseGradients() {
    const maps = data.groups[find("gradient-group").value].gradients;
    chosen(find("stage"), Object.keys(maps), (name) => maps[name].words, find("stage").value);
  }

  const places = data.groups.map((_, place) => place);
  const curved = places.filter((place) => Object.keys(data.groups[place].curves).length);
  const graded = places.filter((place) => Object.keys(data.groups[place].gradients).length);
  const title = (place) => (data.stacks > 1 ? `${data.groups[place].stack}: ` : "") + data.groups[place].label;
  const boxes = data.models.map(box);
  boxes.forEach((input, model) => {
    input.addEventListener("change", () => { switchModel(model, input.checked); draw(); });
  });
  for (const [id, on] of [["all", true], ["none", false]]) {
    find(id).addEventListener("click", () => { boxes.forEach((_, model) => switchModel(model, on)); draw(); });
  }
  find("bands").checked = data.models.length <= 12; // more of them hide the lines
  find("unscripted").hidden = true;
  find("explorer").hidden = false;
  find("curve-section").hidden = !curved.length;
  find("gradient-section").hidden = !graded.length;
  chosen(find("group"), curved, title);
  chosen(find("gradient-group"), graded, title);
  if (curved.length) chooseGroup();
  if (graded.length) chooseGradients();
  find("group").addEventListener("change", () => { chooseGroup(); drawCurves(); });
  find("quantity").addEventListener("change", () => { chooseQuantity(); drawCurves(); });
  find("log").addEventListener("change", drawCurves);
  find("bands").addEventListener("change", drawCurves);
  find("gradient-group").addEventListener("change", () => { chooseGradients(); drawGradients(); });
  find("stage").addEventListener("change", drawGradients);
  dark.addEventListener("change", paint);
  narrow.addEventListener("change", draw);
  paint();
})();
