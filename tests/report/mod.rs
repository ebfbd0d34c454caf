//! `cluec report`: a page that needs nothing but itself, says what the run's folder says, and works
//! in a browser.

use crate::train::Bench;
use cluec::diag::table::{Side, Table};
use cluec::report::Report;
use std::fs;
use std::path::Path;
use std::process::Command;

/// A run of seven steps, and its report.
fn reported() -> (Bench, String) {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7");
    let ran = bench.fine("report run --images 3 --k 2,4 --counted 8");
    assert_eq!(ran.out, "run/report.html\n");
    let page = fs::read_to_string(bench.path("run/report.html")).unwrap();
    (bench, page)
}

#[test]
fn a_report_is_one_file_that_asks_for_no_other() {
    let (_bench, page) = reported();
    for attribute in ["src=\"", "href=\""] {
        for rest in page.split(attribute).skip(1) {
            let address = rest.split('"').next().unwrap();
            assert!(address.starts_with("data:image/png;base64,") || address.starts_with('#'));
        }
    }
    for word in ["@import", "url(", "fetch(", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
    assert!(page.contains("While it was trained") && page.contains(">stage1.block1</text>"));
    for section in ["run", "eyes", "curves", "confusion", "clusters", "parts", "source"] {
        assert!(page.contains(&format!("<section id=\"{section}\"")), "{section}");
        assert!(page.contains(&format!("href=\"#{section}\"")), "{section}");
    }
}

#[test]
fn every_layer_has_a_map_of_every_image() {
    let (_bench, page) = reported();
    let (_, rest) = page.split_once("id=\"layers\">").unwrap();
    let (json, _) = rest.split_once("</script>").unwrap();
    let layers: serde_json::Value = serde_json::from_str(json).unwrap();
    let names: Vec<&str> =
        layers.as_array().unwrap().iter().map(|layer| layer["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["stage 1, block 1, head 1", "stage 1, block 1, head 2"]);
    for layer in layers.as_array().unwrap() {
        assert_eq!(layer["maps"].as_array().unwrap().len(), 3);
    }
}

#[test]
fn steps_that_were_skipped_are_counted() {
    let bench = Bench::new();
    let fp16 = "--set recipe.precision=fp16 --set recipe.precision.loss_scale=1e9";
    bench.fine(&format!("train tiny.clue --out run --steps 2 {fp16}"));
    bench.fine("report run --images 1 --counted 1");
    let page = fs::read_to_string(bench.path("run/report.html")).unwrap();
    assert!(page.contains("<dt>skipped steps</dt><dd>2</dd>"));
}

#[test]
fn what_is_no_run_and_what_can_not_be_written_is_told() {
    let bench = Bench::new();
    bench.fine("train tiny.clue --out run --steps 7");
    let ran = bench.run("report nowhere");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("nowhere is not the folder of a run"), "{}", ran.err);
    let ran = bench.run("report run --out missing/page.html");
    assert_eq!(ran.code, Some(1));
    assert!(ran.err.contains("missing/page.html can not be written"), "{}", ran.err);
}

/// Names come from files of strangers.
#[test]
fn what_is_said_is_never_markup() {
    let bad = "<script>alert(1)</script>&\"'".to_string();
    let mut parts = Table::new(&[(bad.clone().leak(), Side::Right)]);
    parts.row([bad.clone()]);
    let page = Report {
        title: bad.clone(),
        subtitle: bad.clone(),
        facts: vec![(bad.clone(), bad.clone())],
        remarks: vec![bad.clone()],
        parts: Some(parts),
        source: bad,
        ..Report::default()
    }
    .html();
    assert_eq!(page.matches("<script>").count(), 1, "only the page's own");
    assert_eq!(page.matches("&lt;script&gt;alert(1)&lt;/script&gt;&amp;").count(), 9);
}

/// Moves the sliders in a real browser, where one is installed.
#[test]
fn the_sliders_move_maps_and_words() {
    let Some(browser) = browser() else {
        eprintln!("skipped: no Chromium is installed");
        return;
    };
    let (bench, page) = reported();
    let moved = "<script>\
        const to = (id, value) => { const slider = document.getElementById(id); slider.value = value; \
        slider.dispatchEvent(new Event('input')); };\
        to('layer', 0); to('opacity', 25);</script></body>";
    fs::write(bench.path("moved.html"), page.replace("</body>", moved)).unwrap();
    let before = dom(browser, &bench.path("run/report.html"), &bench.path("profile"));
    let after = dom(browser, &bench.path("moved.html"), &bench.path("profile"));
    let name = |page: &str| {
        let (_, rest) = page.split_once("id=\"layer-name\"").unwrap();
        let (_, rest) = rest.split_once('>').unwrap();
        rest.split('<').next().unwrap().to_string()
    };
    assert_eq!(name(&before), "stage 1, block 1, head 2");
    assert_eq!(name(&after), "stage 1, block 1, head 1");
    assert!(after.contains("aria-valuetext=\"stage 1, block 1, head 1\""));
    assert!(after.contains("--colors: 0.25"), "the colors did not fade");
    let map = |page: &str| {
        let (_, rest) = page.split_once("class=\"map\"").unwrap();
        let (_, rest) = rest.split_once("src=\"").unwrap();
        rest.split('"').next().unwrap().to_string()
    };
    assert!(map(&before) != map(&after), "the map stayed");
}

fn browser() -> Option<&'static str> {
    ["chromium", "chromium-browser", "google-chrome"].into_iter().find(|name| {
        Command::new(name).arg("--version").output().is_ok_and(|ran| ran.status.success())
    })
}

/// The page as it stands once its script has run.
fn dom(browser: &str, page: &Path, profile: &Path) -> String {
    let ran = Command::new(browser)
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg(format!("file://{}", page.display()))
        .output()
        .unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    String::from_utf8(ran.stdout).unwrap()
}
