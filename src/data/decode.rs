//! From the bytes of an image file to 8-bit RGB.
//!
//! What is decided here, for every data set that holds image files: formats are told apart by
//! content; gray is repeated; 16 bits are rounded to 8; CMYK is converted without a profile, and a
//! profile within a file is not applied; what is transparent lies on white, as on a page; an EXIF
//! orientation is followed, as a viewer follows it. A file cut short is an error, never half gray.

use std::fs::File;
use std::io::{Cursor, Read};
use std::path::Path;

use image::{DynamicImage, ImageDecoder, ImageFormat, ImageReader, Limits};

use super::dataset::DataError;
use super::image::Image;

/// Endings of files that are taken for images, in small letters.
pub const ENDINGS: [&str; 4] = ["jpg", "jpeg", "png", "webp"];

/// Bytes of a file, and of the image in it, at most: whatever a header claims, no more is reserved.
const MOST_BYTES: u64 = 512 << 20;

/// Sides of an image to each other, at most: where the shorter one grows to a size, the longer one grows
/// with it, and a line of pixels would become gigabytes.
const MOST_ASPECT: u32 = 100;

/// Whether a file has the ending of an image.
pub fn is_image(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_ascii_lowercase());
    ending.is_some_and(|ending| ENDINGS.contains(&ending.as_str()))
}

/// Reads a JPEG, PNG or WebP file as RGB.
pub fn decode(file: &Path) -> Result<Image, DataError> {
    if !file.exists() {
        return Err(DataError::new("there is no such image").at(file));
    }
    if file.is_dir() {
        let help = "name the files in it";
        return Err(DataError::new("an image is a file, and this is a folder").at(file).help(help));
    }
    let help = "replace or remove this file: it must be JPEG, PNG or WebP";
    let fail = |message: String| DataError::new(message).at(file).help(help);
    let bytes = read(file).map_err(|e| fail(format!("cannot read an image: {e}")))?;
    decode_bytes(&bytes).map_err(|e| fail(format!("cannot decode an image: {e}")))
}

fn read(file: &Path) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(file)?.take(MOST_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(std::io::Error::other("more than 512 MiB"));
    }
    Ok(bytes)
}

/// Decodes what a JPEG, PNG or WebP file holds; else says why not.
pub fn decode_bytes(bytes: &[u8]) -> Result<Image, String> {
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format();
    let mut reader = reader.map_err(|e| e.to_string())?;
    match reader.format() {
        Some(ImageFormat::Jpeg) if !jpeg_ends(bytes) => return Err("the file ends early".into()),
        Some(ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP) => {}
        _ => return Err("neither JPEG nor PNG nor WebP".into()),
    }
    let mut limits = Limits::default();
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|e| e.to_string())?;
    let (width, height) = decoder.dimensions();
    if width.max(height) > MOST_ASPECT * width.min(height) {
        return Err(format!(
            "of {height}x{width} pixels (rows x columns) one side is more than {MOST_ASPECT} times the other"
        ));
    }
    if decoder.total_bytes() > MOST_BYTES {
        return Err(format!("{height}x{width} pixels (rows x columns) are more than 512 MiB"));
    }
    let orientation = decoder.orientation().map_err(|e| e.to_string())?;
    let mut image = DynamicImage::from_decoder(decoder).map_err(|e| e.to_string())?;
    image.apply_orientation(orientation);
    let (width, height) = (image.width() as usize, image.height() as usize);
    let pixels = match image.color().has_alpha() {
        true => on_white(image.into_rgba8().as_raw()),
        false => image.into_rgb8().into_raw(),
    };
    Ok(Image { height, width, pixels })
}

/// Colors with alpha, on white.
fn on_white(pixels: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(pixels.len() / 4 * 3);
    for &[r, g, b, a] in pixels.as_chunks::<4>().0 {
        let (a, rest) = (u32::from(a), 255 - u32::from(a));
        out.extend([r, g, b].map(|x| ((u32::from(x) * a + 255 * rest + 127) / 255) as u8));
    }
    out
}

/// Whether a JPEG reaches its end marker; a decoder would fill the rest with gray. Segments are
/// stepped over up to the first scan, so that a thumbnail's end does not count.
fn jpeg_ends(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..at + 4) {
        let length = usize::from(u16::from_be_bytes([high, low]));
        match marker {
            // Filling before a marker.
            0xff => at += 1,
            0xda => return bytes[at..].windows(2).any(|pair| pair == [0xff, 0xd9]),
            _ => at += 2 + length,
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transparency_on_white() {
        assert_eq!(on_white(&[10, 20, 30, 255]), [10, 20, 30]);
        assert_eq!(on_white(&[10, 20, 30, 0]), [255; 3]);
        // Half way, rounded.
        assert_eq!(on_white(&[0, 255, 101, 51]), [204, 255, 224]);
    }
}
