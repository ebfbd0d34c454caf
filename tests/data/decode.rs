//! What becomes of every sort of image file.

use super::counted;
use cluec::data::{Image, decode_bytes};
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat};
use std::io::Cursor;

fn encoded(image: DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    image.write_to(&mut out, format).unwrap();
    out.into_inner()
}

fn rgb(image: &Image) -> DynamicImage {
    let (width, height) = (image.width as u32, image.height as u32);
    image::RgbImage::from_raw(width, height, image.pixels.clone()).unwrap().into()
}

/// 16 x 24 pixels, the left half white.
pub fn jpeg(exif: Option<u8>) -> Vec<u8> {
    let mut image = Image::black(16, 24);
    for row in image.pixels.chunks_mut(24 * 3) {
        row[..36].fill(255);
    }
    let mut out = Vec::new();
    let mut encoder = JpegEncoder::new(&mut out);
    if let Some(orientation) = exif {
        // One entry: tag 0x112, a short, one of them.
        let mut tiff = b"MM\0\x2a\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0".to_vec();
        tiff.extend([orientation, 0, 0, 0, 0, 0, 0]);
        encoder.set_exif_metadata(tiff).unwrap();
    }
    encoder.write_image(&image.pixels, 24, 16, ExtendedColorType::Rgb8).unwrap();
    out
}

/// A PNG and a WebP file with transparency, and one without of each.
pub fn lossless() -> Vec<Vec<u8>> {
    let image = rgb(&counted(16, 24));
    let clear = DynamicImage::from(image.to_rgba8());
    let both = [ImageFormat::Png, ImageFormat::WebP];
    both.iter().flat_map(|&f| [encoded(image.clone(), f), encoded(clear.clone(), f)]).collect()
}

#[test]
fn lossless_formats_are_exact() {
    let image = counted(5, 7);
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        assert_eq!(decode_bytes(&encoded(rgb(&image), format)).unwrap(), image);
    }
}

#[test]
fn what_is_transparent_lies_on_white() {
    let pixels = vec![9, 8, 7, 0, 0, 255, 101, 51, 1, 2, 3, 255];
    let image: DynamicImage = image::RgbaImage::from_raw(3, 1, pixels).unwrap().into();
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let image = decode_bytes(&encoded(image.clone(), format)).unwrap();
        assert_eq!(image.pixels, [255, 255, 255, 204, 255, 224, 1, 2, 3]);
    }
}

#[test]
fn gray_is_repeated_and_16_bits_are_rounded() {
    let deep: DynamicImage =
        image::ImageBuffer::<image::Luma<u16>, _>::from_raw(3, 1, vec![0u16, 0x01ff, 0xffff])
            .unwrap()
            .into();
    let image = decode_bytes(&encoded(deep, ImageFormat::Png)).unwrap();
    assert_eq!(image.pixels, [0, 0, 0, 2, 2, 2, 255, 255, 255]);
    let mut gray = Vec::new();
    JpegEncoder::new(&mut gray).write_image(&[90; 64], 8, 8, ExtendedColorType::L8).unwrap();
    assert_eq!(decode_bytes(&gray).unwrap().pixel(3, 3), [90; 3]);
}

#[test]
fn a_jpeg_of_four_inks_has_their_color() {
    // Magenta and yellow in full: red.
    let [r, g, b] = decode_bytes(include_bytes!("cmyk.jpg")).unwrap().pixel(4, 4);
    assert!(r > 250 && g < 5 && b < 5, "{r} {g} {b}");
}

#[test]
fn an_orientation_is_followed() {
    let light = |image: &Image, row, column| image.pixel(row, column)[0] > 128;
    let plain = decode_bytes(&jpeg(None)).unwrap();
    assert!((plain.height, plain.width) == (16, 24) && light(&plain, 8, 2));
    let mirrored = decode_bytes(&jpeg(Some(2))).unwrap();
    assert!((mirrored.height, mirrored.width) == (16, 24) && light(&mirrored, 8, 21));
    // A quarter turn clockwise: left becomes up.
    let turned = decode_bytes(&jpeg(Some(6))).unwrap();
    assert_eq!((turned.height, turned.width), (24, 16));
    assert!(light(&turned, 2, 8) && !light(&turned, 21, 8));
}

#[test]
fn files_cut_short_are_errors_wherever_they_are_cut() {
    let image = rgb(&counted(16, 24));
    for whole in
        [jpeg(Some(2)), encoded(image.clone(), ImageFormat::Png), encoded(image, ImageFormat::WebP)]
    {
        decode_bytes(&whole).unwrap();
        for part in 0..20 {
            let cut = &whole[..whole.len() * part / 20];
            assert!(decode_bytes(cut).is_err(), "{part} of 20");
        }
    }
    // Bytes behind the end are nobody's business.
    let more = [&jpeg(None)[..], b"more"].concat();
    assert_eq!(decode_bytes(&more).unwrap(), decode_bytes(&jpeg(None)).unwrap());
}

#[test]
fn other_files_and_impossible_sizes_are_refused_before_anything_is_reserved() {
    for bytes in [&b"hello"[..], b"", b"GIF89a\x01\0\x01\0", b"BM"] {
        assert_eq!(decode_bytes(bytes).unwrap_err(), "neither JPEG nor PNG nor WebP");
    }
    let mut huge = jpeg(None);
    let at = huge.windows(2).position(|w| w == [0xff, 0xc0]).unwrap();
    huge[at + 5..at + 9].fill(0xff);
    let error = decode_bytes(&huge).unwrap_err();
    assert!(error.starts_with("65535x65535 pixels"), "{error}");
}

#[test]
fn a_line_of_pixels_is_no_image() {
    let line = rgb(&Image::black(1, 101));
    let error = decode_bytes(&encoded(line, ImageFormat::Png)).unwrap_err();
    assert_eq!(error, "of 1x101 pixels (rows x columns) one side is more than 100 times the other");
    let strip = rgb(&Image::black(1, 100));
    assert_eq!(decode_bytes(&encoded(strip, ImageFormat::Png)).unwrap().width, 100);
}
