"use strict";
(() => {
    const data = document.getElementById("layers");
    if (!data) return;
    const layers = JSON.parse(data.textContent);
    const all = (selector) => Array.from(document.querySelectorAll(selector));
    const layer = document.getElementById("layer"), opacity = document.getElementById("opacity");
    const cell = (row, kind, text) => {
        const made = row.appendChild(document.createElement(kind));
        made.textContent = text;
        return made;
    };
    const worth = (table, clusters) => {
        table.replaceChildren();
        if (!clusters.length) return;
        const head = table.appendChild(document.createElement("tr"));
        for (const name of ["", "part", "drop", "keep"]) cell(head, "th", name).scope = "col";
        for (const cluster of clusters) {
            const row = table.appendChild(document.createElement("tr"));
            const swatch = cell(row, "td", "").appendChild(document.createElement("span"));
            swatch.className = "swatch";
            swatch.style.background = cluster.color;
            for (const text of [cluster.share, cluster.drop, cluster.keep]) cell(row, "td", text);
        }
    };
    const show = () => {
        const shown = layers[Number(layer.value)];
        document.getElementById("layer-name").textContent = shown.name;
        layer.setAttribute("aria-valuetext", shown.name);
        for (const image of all("img.map")) image.src = shown.maps[image.dataset.image].picture;
        for (const said of all("span.said")) said.textContent = shown.maps[said.dataset.image].said;
        for (const table of all("table.worth")) worth(table, shown.maps[table.dataset.image].worth);
    };
    const tint = () => {
        document.documentElement.style.setProperty("--colors", opacity.value / 100);
        document.getElementById("opacity-name").textContent = `${opacity.value} %`;
    };
    layer.addEventListener("input", show);
    opacity.addEventListener("input", tint);
    show();
    tint();
})();
