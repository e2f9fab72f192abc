document.querySelectorAll("figure script[type='application/json']").forEach(function (data) {
  const figure = data.closest("figure"), button = figure.querySelector("button"), still = figure.querySelectorAll(".wide,.narrow");
  let live = null;
  button.addEventListener("click", function () {
    const open = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(open));
    still.forEach(function (part) { part.hidden = open; part.style.display = open ? "none" : ""; });
    if (!live) {
      live = document.createElement("div");
      still[0].before(live);
      let text = data.textContent;
      if (matchMedia("(prefers-color-scheme: dark)").matches) {
        for (const [light, dark] of Object.entries(DARK)) { text = text.replaceAll(light, dark); }
      }
      const drawn = JSON.parse(text), ink = getComputedStyle(document.body).color;
      drawn.layout.width = undefined; drawn.layout.autosize = true; drawn.layout.font.color = ink;
      (drawn.layout.annotations || []).forEach(function (note) { note.font = Object.assign({}, note.font, { color: ink }); });
      Plotly.newPlot(live, drawn.data, drawn.layout, { responsive: true, displaylogo: false });
    }
    live.hidden = !open;
  });
});
