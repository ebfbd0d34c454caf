//! The page.

use super::{Eyes, Report};
use crate::diag::table::{Side, Table};
use crate::see::Statistics;
use crate::train::Mistakes;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

pub fn page(report: &Report) -> Markup {
    let sections = sections(report);
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (report.title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                a.skip href="#content" { "Skip to the content" }
                header {
                    h1 { (report.title) }
                    p { (report.subtitle) }
                    nav aria-label="Sections" {
                        ul {
                            @for section in &sections {
                                li { a href={ "#" (section.id) } { (section.title) } }
                            }
                        }
                    }
                }
                main id="content" {
                    @if !report.remarks.is_empty() {
                        ul.remarks role="note" {
                            @for remark in &report.remarks { li { (remark) } }
                        }
                    }
                    @for section in &sections {
                        section id=(section.id) aria-labelledby={ (section.id) "-title" } {
                            h2 id={ (section.id) "-title" } { (section.title) }
                            (section.body)
                        }
                    }
                }
                script { (PreEscaped(SCRIPT)) }
            }
        }
    }
}

struct Section {
    id: &'static str,
    title: &'static str,
    body: Markup,
}

/// What there is to show, in the order in which one reads it.
fn sections(report: &Report) -> Vec<Section> {
    let section = |id, title, body| Section { id, title, body };
    let chart = |svg: &String, what: &str| html! { figure.chart role="img" aria-label=(what) { (PreEscaped(svg)) } };
    let matrix = |svg: &String, what: &str| html! { figure.matrix role="img" aria-label=(what) { (PreEscaped(svg)) } };
    let curves = report.curves.as_ref();
    let confusion = report.confusion.as_ref();
    [
        Some(section("run", "Run", facts(&report.facts))),
        report.eyes.as_ref().map(|seen| section("eyes", "What the network sees", eyes(seen))),
        curves.map(|svg| {
            let what = "Loss, top-1 and learning rate over the steps";
            section("curves", "Curves", chart(svg, what))
        }),
        confusion.map(|svg| {
            let body = html! {
                (matrix(svg, "Test images by their class and the predicted class"))
                @if let Some(Mistakes { table: worst, more }) = &report.mistakes {
                    h3 { "Taken for another most often" }
                    (table(worst))
                    @if *more > 0 { p { "and " (more) " more pairs" } }
                }
            };
            section("confusion", "What is taken for what", body)
        }),
        report.statistics.as_ref().map(|found| {
            let body = html! {
                (statistics(found))
                @if let Some(svg) = &report.history {
                    h3 { "While it was trained" }
                    (chart(svg, "Occupancy and entropy of clusters at every evaluation"))
                }
            };
            section("clusters", "How clusters are used", body)
        }),
        report.parts.as_ref().map(|parts| section("parts", "Stage by stage", table(parts))),
        Some(section("source", "Text", html! { pre tabindex="0" { code { (report.source) } } })),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn facts(facts: &[(String, String)]) -> Markup {
    html! {
        dl.facts {
            @for (name, value) in facts {
                div { dt { (name) } dd { (value) } }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    let numbers: Vec<bool> = table.head().iter().map(|(_, side)| *side == Side::Right).collect();
    html! {
        div.wide tabindex="0" {
            table {
                thead {
                    tr {
                        @for ((name, _), number) in table.head().iter().zip(&numbers) {
                            th scope="col" .number[*number] { (name) }
                        }
                    }
                }
                tbody {
                    @for row in table.rows() {
                        tr {
                            @for (at, (cell, number)) in row.iter().zip(&numbers).enumerate() {
                                @if at == 0 {
                                    th scope="row" .number[*number] { (cell) }
                                } @else {
                                    td.number[*number] { (cell) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Sliders above, images with their maps below. The script only moves what is there.
fn eyes(eyes: &Eyes) -> Markup {
    let last = eyes.layers.len().saturating_sub(1);
    let layers = serde_json::to_string(&eyes.layers).unwrap_or_default();
    // Nothing in it may end the element it stands in.
    let layers = layers.replace('<', "\\u003c");
    html! {
        @for remark in &eyes.remarks { p { (remark) } }
        p {
            "Every cluster is traced back to the pixels it gathered. One color is one cluster: what "
            "covers the same pixels has the same color in all maps of an image. Below the maps of "
            "all stages: the part of the image, what the class loses without the cluster (drop), and "
            "what it has of the cluster alone (keep)."
        }
        div.controls {
            label for="layer" { "Map" }
            input type="range" id="layer" min="0" max=(last) value=(last) step="1" aria-describedby="layer-name";
            output id="layer-name" for="layer" aria-live="polite" {
                @if let Some(layer) = eyes.layers.last() { (layer.name) }
            }
            label for="opacity" { "Colors" }
            input type="range" id="opacity" min="0" max="100" value="60" step="5" aria-label="How much of the colors is seen, in percent";
            output id="opacity-name" for="opacity" { "60 %" }
        }
        noscript { p { "The sliders need JavaScript; shown is the last map." } }
        div.images {
            @for (at, seen) in eyes.images.iter().enumerate() {
                @let map = eyes.layers.last().and_then(|layer| layer.maps.get(at));
                figure.seen {
                    div.stack {
                        img src=(seen.picture) alt=(seen.name);
                        @if let Some(map) = map { img.map src=(map.picture) alt="" data-image=(at); }
                    }
                    figcaption {
                        span .right[seen.right == Some(true)] .wrong[seen.right == Some(false)] { (seen.said) }
                        span.said data-image=(at) { @if let Some(map) = map { (map.said) } }
                        table.worth data-image=(at) {}
                    }
                }
            }
        }
        script type="application/json" id="layers" { (PreEscaped(layers)) }
    }
}

fn statistics(found: &Statistics) -> Markup {
    let windowed = found.parts.iter().flat_map(|part| &part.heads).any(|head| head.windows > 1);
    html! {
        p {
            "Means over " (found.images) " test images. Occupied: the part of the centers that has "
            "positions. Dead: centers that had none in any image. Entropy: 1 where all clusters are of "
            "one size, 0 where one has all; in effect: as many clusters of one size have this entropy. "
            @if windowed {
                "A mixer in windows is counted in each: no position chooses a center of another. "
            }
            "Heads agree: their adjusted Rand index, 1 where they divide a map alike, 0 where they do "
            "by chance."
        }
        (table(&found.table()))
    }
}
