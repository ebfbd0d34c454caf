//! A generated data set: one irregular object over a textured background.
//!
//! A class is a kind of outline and a kind of fill (a hue with a pattern). Place, size, rotation,
//! irregularity, exact hue, background, brightness and noise vary. An image is a pure function of
//! (seed, part, index), made when it is asked for.

use super::color::from_hsv;
use super::dataset::{DataError, Dataset, Split};
use super::image::Image;
use super::outline::{NAMES, Outline};
use crate::exec::random::{Random, Site};

/// Hues a tenth of a turn apart, in the order of classes: neighbors are far apart.
const FILLS: [(&str, f64); 10] = [
    ("red", 0.0),
    ("cyan", 0.5),
    ("chartreuse", 0.2),
    ("blue", 0.7),
    ("orange", 0.1),
    ("azure", 0.6),
    ("green", 0.3),
    ("violet", 0.8),
    ("teal", 0.4),
    ("pink", 0.9),
];

/// The generated data set: class `i % classes` for image `i`.
#[derive(Debug, Clone)]
pub struct Shapes {
    classes: Vec<String>,
    height: usize,
    width: usize,
    images: usize,
    seed: u64,
    split: Split,
}

/// What is drawn first of an image: the object's place and form.
struct Pose {
    outline: Outline,
    /// Row and column of the center, in pixels.
    center: (f32, f32),
    /// Pixels per unit of the outline's plane.
    radius: f32,
    /// Sine and cosine of the rotation.
    rotation: (f32, f32),
    hue: f32,
    saturation: f32,
    value: f32,
    /// Of the pattern, in its period.
    phase: f32,
}

impl Shapes {
    /// `images` images of `size` (rows, columns; at least 8 each) and 1 to 100 classes.
    pub fn new(
        size: [usize; 2],
        classes: usize,
        images: usize,
        seed: u64,
        split: Split,
    ) -> Result<Shapes, DataError> {
        if !(1..=100).contains(&classes) {
            let message = format!("shapes: {classes} classes, expected 1 to 100");
            return Err(DataError::new(message));
        }
        if size[0].min(size[1]) < 8 {
            let message = format!("shapes: size {}x{}, expected at least 8x8", size[0], size[1]);
            return Err(DataError::new(message));
        }
        let name = |class| {
            let (outline, fill) = kinds(class);
            format!("{} {}", FILLS[fill].0, NAMES[outline])
        };
        let classes = (0..classes).map(name).collect();
        Ok(Shapes { classes, height: size[0], width: size[1], images, seed, split })
    }

    /// 1 where the object of image `i` is, else 0: `[height, width]`.
    pub fn mask(&self, i: usize) -> Vec<u8> {
        let pose = self.pose(i);
        self.coverage(&pose).into_iter().map(|c| u8::from(c >= 2)).collect()
    }

    fn random(&self, i: usize, site: Site) -> Random {
        Random::new(self.seed, self.split as u64, i as u64, site)
    }

    fn pose(&self, i: usize) -> Pose {
        let (outline, fill) = kinds(self.label(i) as usize);
        let mut random = self.random(i, Site::Shape);
        let mut draw = |low, high| random.range(low, high) as f32;
        let radius = self.height.min(self.width) as f32 * draw(0.28, 0.44);
        let center = (self.height as f32 * draw(0.36, 0.64), self.width as f32 * draw(0.36, 0.64));
        let rotation = draw(-0.6, 0.6).sin_cos();
        let hue = draw(FILLS[fill].1 - 0.05, FILLS[fill].1 + 0.05);
        let (saturation, value) = (draw(0.5, 1.0), draw(0.6, 1.0));
        let phase = draw(0.0, 1.0);
        let outline = Outline::new(outline, &mut random);
        Pose { outline, center, radius, rotation, hue, saturation, value, phase }
    }

    /// How many of the four quarters of each pixel lie in the object.
    fn coverage(&self, pose: &Pose) -> Vec<u8> {
        let mut out = vec![0; self.height * self.width];
        let reach = pose.radius * 1.25;
        let span = |center: f32, side: usize| {
            (center - reach).max(0.0) as usize..((center + reach + 1.0) as usize).min(side)
        };
        for row in span(pose.center.0, self.height) {
            for column in span(pose.center.1, self.width) {
                for (dy, dx) in [(0.25, 0.25), (0.25, 0.75), (0.75, 0.25), (0.75, 0.75)] {
                    let (x, y) = pose.plane(row as f32 + dy, column as f32 + dx);
                    out[row * self.width + column] += u8::from(pose.outline.contains(x, y));
                }
            }
        }
        out
    }

    /// A background of two colors mixed by smooth random fields, coarse and fine.
    fn background(&self, random: &mut Random) -> Vec<[f32; 3]> {
        let mut color = || {
            let hue = random.range(0.0, 1.0) as f32;
            from_hsv([hue, random.range(0.0, 0.55) as f32, random.range(0.15, 0.9) as f32])
        };
        let (a, b) = (color(), color());
        let coarse = Field::new(4, random);
        let fine = Field::new(13, random);
        let mut out = Vec::with_capacity(self.height * self.width);
        for row in 0..self.height {
            let y = (row as f32 + 0.5) / self.height as f32;
            for column in 0..self.width {
                let x = (column as f32 + 0.5) / self.width as f32;
                let mix = coarse.at(y, x);
                let light = 0.3 * (fine.at(y, x) - 0.5);
                out.push([0, 1, 2].map(|c| a[c] + (b[c] - a[c]) * mix + light));
            }
        }
        out
    }
}

impl Pose {
    /// A place in the image, in pixels, in the plane of the outline.
    fn plane(&self, row: f32, column: f32) -> (f32, f32) {
        let (y, x) = ((row - self.center.0) / self.radius, (column - self.center.1) / self.radius);
        let (sin, cos) = self.rotation;
        (cos * x + sin * y, cos * y - sin * x)
    }

    /// The value (brightness) of the fill at a place: shaded, striped or checkered.
    fn pattern(&self, fill: usize, x: f32, y: f32) -> f32 {
        let wave = |t: f32| if (t * 1.6 + self.phase).rem_euclid(1.0) < 0.5 { 1.0 } else { 0.65 };
        self.value
            * match fill % 3 {
                0 => 0.9 - 0.12 * (x + y),
                1 => wave(y),
                _ => wave(x) * wave(y) + 0.1,
            }
    }
}

/// Smooth random numbers in [0, 1] over a square, linear between the knots of a lattice.
struct Field {
    knots: usize,
    values: Vec<f32>,
}

impl Field {
    fn new(knots: usize, random: &mut Random) -> Field {
        let values =
            (0..knots * knots).map(|_| random.next_u32() as f32 / u32::MAX as f32).collect();
        Field { knots, values }
    }

    fn at(&self, y: f32, x: f32) -> f32 {
        let cells = (self.knots - 1) as f32;
        let (y, x) = (y * cells, x * cells);
        let top = (y as usize).min(self.knots - 2);
        let left = (x as usize).min(self.knots - 2);
        let (v, u) = (y - top as f32, x - left as f32);
        let row = |r: usize| {
            let at = r * self.knots + left;
            self.values[at] + (self.values[at + 1] - self.values[at]) * u
        };
        row(top) + (row(top + 1) - row(top)) * v
    }
}

impl Dataset for Shapes {
    fn name(&self) -> &str {
        "shapes"
    }

    fn len(&self) -> usize {
        self.images
    }

    fn classes(&self) -> &[String] {
        &self.classes
    }

    fn label(&self, i: usize) -> u32 {
        (i % self.classes.len()) as u32
    }

    fn stamp(&self, _: usize) -> String {
        let Shapes { height, width, seed, split, .. } = self;
        format!("{height}x{width} {seed} {}", split.name())
    }

    fn mask(&self, i: usize) -> Option<Vec<u8>> {
        Some(Shapes::mask(self, i))
    }

    fn image(&self, i: usize) -> Result<Image, DataError> {
        let (_, fill) = kinds(self.label(i) as usize);
        let pose = self.pose(i);
        let coverage = self.coverage(&pose);
        let mut random = self.random(i, Site::Texture);
        let light = random.range(0.7, 1.15) as f32 * 255.0;
        let grain = random.range(4.0, 14.0) as f32;
        let mut colors = self.background(&mut random);
        let mut pixels = Vec::with_capacity(colors.len() * 3);
        // Colors are linear in their value, so one color of full value does for the whole object.
        let full = from_hsv([pose.hue, pose.saturation, 1.0]);
        for (at, color) in colors.iter_mut().enumerate() {
            if coverage[at] > 0 {
                let (row, column) = (at / self.width, at % self.width);
                let (x, y) = pose.plane(row as f32 + 0.5, column as f32 + 0.5);
                let value = pose.pattern(fill, x, y);
                let part = f32::from(coverage[at]) / 4.0;
                *color = [0, 1, 2].map(|c| color[c] + (full[c] * value - color[c]) * part);
            }
            let noise = random.next_u32().to_le_bytes();
            for (x, noise) in color.iter().zip(noise) {
                pixels.push((x * light + grain * (f32::from(noise) / 127.5 - 1.0)) as u8);
            }
        }
        Ok(Image { height: self.height, width: self.width, pixels })
    }
}

/// Outline and fill of a class: the first ten differ in both, all hundred in one of them.
fn kinds(class: usize) -> (usize, usize) {
    (class % 10, (class + class / 10) % 10)
}
