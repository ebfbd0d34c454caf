//! Pictures: polygons cover exactly their pixels, styles do what they say, a sheet names all.

use super::numbers::tiny;
use cluec::data::Image;
use cluec::see::{
    Cluster, Contribution, Look, Palette, Picture, Regions, Sheet, Style, View, Words, png,
};
use insta::assert_snapshot;

/// Three clusters on four by six pixels: one around another, one in two pieces.
fn regions() -> Regions {
    let labels = vec![
        0, 0, 0, 1, 1, 1, //
        0, 2, 0, 1, 1, 1, //
        0, 0, 0, 1, 2, 1, //
        0, 0, 0, 1, 1, 2,
    ];
    let cluster = |label: u32| Cluster {
        centers: vec![label],
        descriptor: vec![label as f32],
        pixels: labels.iter().filter(|&&l| l == label).count(),
    };
    Regions { size: [4, 6], clusters: (0..3).map(cluster).collect(), labels, centers: 4 }
}

fn gray(height: usize, width: usize) -> Image {
    Image { height, width, pixels: vec![100; height * width * 3] }
}

fn picture(look: Look) -> Picture {
    let windows: Vec<u32> = (0..24).map(|at| at % 6 / 3).collect();
    Picture::new(&gray(8, 12), &regions(), &[0, 1, 4], Some(&windows), look)
}

fn plain(style: Style) -> Look {
    Look { style, windows: false, ..Look::default() }
}

#[test]
fn flat_colors_as_polygons() {
    assert_snapshot!(picture(plain(Style::Flat)).svg().unwrap());
}

/// The polygons filled by the even-odd rule are the pixels again.
#[test]
fn polygons_cover_exactly_their_pixels() {
    let picture = picture(plain(Style::Flat));
    let svg = picture.svg().unwrap();
    let raster = picture.raster();
    let paths = svg.lines().filter(|line| line.starts_with("<path"));
    let mut covered = vec![0; 8 * 12];
    for line in paths {
        let attribute = |name: &str| {
            line.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap()
        };
        let color = u32::from_str_radix(&attribute("fill")[1..], 16).unwrap();
        // Vertical sides by column, rows they span.
        let mut sides = Vec::new();
        for part in attribute(" d").split('Z').filter(|part| !part.is_empty()) {
            let words = part.replace('M', "").replace('H', " H").replace('V', " V");
            let mut words = words.split(' ');
            let [mut x, mut y] = [0, 0].map(|_| words.next().unwrap().parse::<usize>().unwrap());
            let mut corners = vec![(x, y)];
            for word in words {
                match word.split_at(1) {
                    ("H", to) => x = to.parse().unwrap(),
                    (_, to) => y = to.parse().unwrap(),
                }
                corners.push((x, y));
            }
            for (at, &(x, y)) in corners.iter().enumerate() {
                let (next, to) = corners[(at + 1) % corners.len()];
                if x == next {
                    sides.push((x, y.min(to), y.max(to)));
                }
            }
        }
        for (at, covered) in covered.iter_mut().enumerate() {
            let (row, column) = (at / 12, at % 12);
            let crossed =
                sides.iter().filter(|(x, from, to)| *x > column && (*from..*to).contains(&row));
            if crossed.count() % 2 == 1 {
                let pixel = raster.pixel(row, column);
                assert_eq!(u32::from_be_bytes([0, pixel[0], pixel[1], pixel[2]]), color);
                *covered += 1;
            }
        }
    }
    assert_eq!(covered, [1; 8 * 12]);
}

#[test]
fn overlays_mix_and_outlines_leave_the_inside() {
    let overlay = picture(Look { opacity: 0.5, ..plain(Style::Overlay) }).raster();
    // Inside cluster 1 (sky blue) and beside cluster 0 (orange).
    assert_eq!(overlay.pixel(0, 9), [93, 140, 167]);
    assert_eq!(overlay.pixel(0, 5), [230, 159, 0]);
    let outlines = picture(plain(Style::Outlines)).raster();
    assert_eq!(outlines.pixel(0, 9), [100; 3]);
    assert_eq!(outlines.pixel(0, 5), [230, 159, 0]);
    assert_eq!(outlines.pixel(7, 0), [100; 3]);
    let paper = picture(Look { palette: Palette::Paper, ..plain(Style::Flat) }).raster();
    assert_eq!(paper.pixel(0, 0), [255, 191, 0]);
}

/// A pixel wide, so that of a position of three the color stays, and seen through.
#[test]
fn windows_are_dashed_lines_beside_which_clusters_stay() {
    let with = Look { style: Style::Flat, ..Look::default() };
    let (lines, none) = (picture(with).raster(), picture(plain(Style::Flat)).raster());
    for at in 0..8 * 12 {
        let (row, column) = (at / 12, at % 12);
        let (drawn, below) = (lines.pixel(row, column), none.pixel(row, column));
        let shade = if row / 3 == 1 { 0.0 } else { 255.0 };
        let through = below.map(|color| (0.3 * f64::from(color) + 0.7 * shade).round() as u8);
        assert_eq!(drawn, if column == 6 { through } else { below }, "{row} {column}");
    }
    // The same line, once.
    let svg = picture(with).svg().unwrap();
    let dashed = svg.lines().find(|line| line.contains("stroke-dasharray=\"3\"")).unwrap();
    assert!(dashed.ends_with(" d=\"M6 0V8\"/>"), "{dashed}");
}

/// A 13 by 13 mean, stretched, and the largest: what is small beside the square goes.
#[test]
fn smoothing_rounds_borders() {
    let mut labels: Vec<u32> = (0..40 * 40).map(|at| u32::from(at % 40 >= 20)).collect();
    labels[5 * 40 + 5] = 1;
    let count = labels.iter().filter(|&&l| l == 1).count();
    let cluster = |pixels| Cluster { centers: vec![0], descriptor: vec![], pixels };
    let clusters = vec![cluster(1600 - count), cluster(count)];
    let regions = Regions { size: [40, 40], labels, clusters, centers: 2 };
    let look = Look { smooth: true, ..plain(Style::Flat) };
    let picture = Picture::new(&gray(40, 40), &regions, &[0, 1], None, look);
    assert_eq!(picture.labels[5 * 40 + 5], 0);
    let wrong = (0..1600).filter(|&at| picture.labels[at] != u32::from(at % 40 >= 20));
    assert_eq!(wrong.count(), 0);
}

#[test]
fn a_png_is_read_again() {
    let raster = picture(plain(Style::Overlay)).raster();
    let bytes = png(&raster).unwrap();
    assert_eq!(cluec::data::decode_bytes(&bytes).unwrap(), raster);
}

#[test]
fn a_sheet_shows_every_map_with_its_name() {
    let (mut sight, _) = tiny();
    // What is computed may differ in its last digits from machine to machine.
    sight.probabilities = vec![0.25, 0.5, 0.25];
    for worth in sight.globals.iter_mut().flat_map(|global| &mut global.contributions) {
        *worth = Contribution { drop: 0.25, keep: 0.5, score: 0.375 };
    }
    let words =
        Words { title: "a & b.png", model: "tiny at step 7", classes: &["<one>".to_string()] };
    let look = Look { style: Style::Flat, ..Look::default() };
    let sheet = Sheet::new(&sight, &gray(8, 8), look, words);
    let svg = sheet.svg().unwrap();
    let lines = svg.lines().filter(|line| !line.starts_with("<path"));
    let short: String =
        lines.map(|line| format!("{}\n", line.split("base64,").next().unwrap())).collect();
    assert_snapshot!(short);
    let raster = sheet.raster();
    let size = format!("width=\"{}\" height=\"{}\"", raster.width, raster.height);
    assert!(svg.contains(&size), "{size}");
    let dark = raster.pixels.chunks(3).filter(|pixel| pixel == &[20; 3]).count();
    assert!(dark > 500, "letters: {dark}");
}

#[test]
fn narrow_images_are_no_longer_than_a_sheet_bears() {
    let (sight, _) = tiny();
    let words = Words { title: "a.png", model: "tiny", classes: &[] };
    let size = |height, width| {
        let svg =
            Sheet::new(&sight, &gray(height, width), plain(Style::Flat), words).svg().unwrap();
        let size = |side: &str| {
            let behind = svg.split("<image ").nth(1).unwrap().split(side).nth(1).unwrap();
            behind.split('"').nth(1).unwrap().parse::<usize>().unwrap()
        };
        [size("height="), size("width=")]
    };
    assert_eq!(size(8, 8), [224, 224]);
    // As large, up to twice as long.
    assert_eq!(size(32, 8), [448, 112]);
    assert_eq!(size(512, 8), [448, 7]);
    let [height, width] = size(8, 32);
    assert!(width > 224 && width <= 448 && height == width / 4, "{height} {width}");
}

#[test]
fn many_heads_stand_in_several_lines() {
    let (mut sight, _) = tiny();
    let head = sight.views[0].clone();
    sight.views = (1..=24).map(|number| View { head: number, ..head.clone() }).collect();
    let words = Words { title: "a.png", model: "tiny", classes: &[] };
    let sheet = Sheet::new(&sight, &gray(8, 8), plain(Style::Flat), words);
    // Eight beside each other.
    assert_eq!(sheet.raster().width, 2 * 16 + 8 * 192 + 7 * 12);
    assert!(sheet.svg().unwrap().contains(">stage 1 block 1 head 24<"));
}
