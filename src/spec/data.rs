//! Data sets and what is done to an image on its way to the network.

use crate::graph::Size;
use crate::schema::{
    Color, Count, Fraction, From8, Parts, PathText, Pixels, Range, Scales, UpTo100, Whole,
};
use crate::schema::{block, choice, slot};

slot! {
    /// Where images come from.
    pub enum Data = "data" {
        Cifar(Cifar),
        ImageFolders(ImageFolders),
        ImageLists(ImageLists),
        Parquet(Parquet),
        Shapes(Shapes),
    }
}

/// What every kind of data says.
pub struct Said<'a> {
    pub train: &'a Augment,
    pub test: Option<&'a Prepare>,
    pub normalize: &'a Option<Normalize>,
    /// The part of the images that may be broken.
    pub broken: f64,
}

impl Data {
    pub fn said(&self) -> Said<'_> {
        macro_rules! said {
            ($kind:ident, $test:expr, $broken:expr) => {
                Said {
                    train: &$kind.train.value,
                    test: $test,
                    normalize: &$kind.normalize.value,
                    broken: $broken,
                }
            };
        }
        match self {
            Data::Cifar(kind) => said!(kind, Some(&kind.test.value), 0.0),
            Data::ImageFolders(kind) => said!(kind, Some(&kind.test.value), kind.broken.value.0),
            Data::ImageLists(kind) => said!(kind, Some(&kind.test.value), kind.broken.value.0),
            Data::Parquet(kind) => said!(kind, Some(&kind.test.value), kind.broken.value.0),
            Data::Shapes(kind) => said!(kind, None, 0.0),
        }
    }
}

block! {
    /// CIFAR-10 or CIFAR-100 as published: Python or binary, unpacked or as `.tar.gz`.
    pub struct Cifar = "cifar" {
        /// the folder, or the archive
        files: PathText,
        /// done to a training image, in this order: crop, flip, policy, jitter, erase
        train: Augment,
        /// done to a test image
        test: Prepare,
        /// how colors become numbers
        normalize: Option<Normalize> = "imagenet",
    }
}

block! {
    /// JPEG, PNG and WebP files, one folder per class; the folder may hold `train` and `val` (or `test`).
    pub struct ImageFolders = "image_folders" {
        /// the folder
        files: PathText,
        /// the part of each class that trains, where the folder is not divided itself
        split: Split,
        /// done to a training image, in this order: crop, flip, policy, jitter, erase
        train: Augment,
        /// done to a test image
        test: Prepare,
        /// how colors become numbers
        normalize: Option<Normalize> = "imagenet",
        /// the part of the images that may be broken; more of them are an error
        broken: Fraction = "1%",
    }
}

block! {
    /// JPEG, PNG and WebP files named by CSV lists with the columns `filename` and `label`, as
    /// Mini-ImageNet is published; the images lie beside the lists or in a folder `images` there.
    pub struct ImageLists = "image_lists" {
        /// the folder of the lists
        files: PathText,
        /// what `train.csv`, `val.csv` and `test.csv` are: one set to divide, or the parts
        lists: Lists = "together",
        /// the part of each class that trains, where the lists are not the parts
        split: Split,
        /// done to a training image, in this order: crop, flip, policy, jitter, erase
        train: Augment,
        /// done to a test image
        test: Prepare,
        /// how colors become numbers
        normalize: Option<Normalize> = "imagenet",
        /// the part of the images that may be broken; more of them are an error
        broken: Fraction = "1%",
    }
}

block! {
    /// Image classification as Hugging Face keeps it: Parquet files with a column of images and one
    /// of labels; `train-….parquet` and `test-….parquet` (or `validation-…`) are the parts.
    pub struct Parquet = "parquet" {
        /// the folder
        files: PathText,
        /// the part of each class that trains, where the files are not divided themselves
        split: Split,
        /// done to a training image, in this order: crop, flip, policy, jitter, erase
        train: Augment,
        /// done to a test image
        test: Prepare,
        /// how colors become numbers
        normalize: Option<Normalize> = "imagenet",
        /// the part of the images that may be broken; more of them are an error
        broken: Fraction = "1%",
    }
}

choice! {
    /// What lists of images are.
    pub enum Lists { Together = "together", Apart = "apart", }
}

block! {
    /// Irregular colored shapes over textured backgrounds, generated: nothing to download.
    pub struct Shapes = "shapes" {
        /// rows x columns of an image
        size: From8 = "32x32",
        /// kinds of objects
        classes: UpTo100 = "10",
        /// training images
        train_images: Count = "8000",
        /// test images
        test_images: Count = "1000",
        /// which images
        seed: Whole = "0",
        /// done to a training image, in this order: crop, flip, policy, jitter, erase
        train: Augment,
        /// how colors become numbers
        normalize: Option<Normalize> = "imagenet",
    }
}

block! {
    /// How an undivided folder is divided, class by class.
    pub struct Split = "part" {
        /// the part that trains
        part: Fraction = "80%",
        /// what is divided
        by: Dividing = "class",
        /// which images
        seed: Whole = "1",
        /// how images are drawn: by cluec's numbers, or as pandas' `sample` orders them
        draw: Drawing = "keyed",
    }
}

choice! {
    /// How the images of a part are drawn.
    pub enum Drawing { Keyed = "keyed", Pandas = "pandas", }
}

choice! {
    /// What an undivided folder is divided by.
    pub enum Dividing { Class = "class", }
}

choice! {
    /// The color of a rectangle.
    pub enum Blank { Black = "black", }
}

block! {
    /// What is done to a training image.
    pub struct Augment = "train" {
        /// a part of the image
        crop: Option<Crop> = "off",
        /// a mirror image, every second time
        flip: Option<Flip> = "off",
        /// changes drawn from a list
        policy: Option<Policy> = "off",
        /// other colors
        jitter: Option<Jitter> = "off",
        /// a black rectangle
        erase: Option<Erase> = "off",
    }
}

block! {
    /// What is done to a test image.
    pub struct Prepare = "test" {
        /// another size first
        resize: Option<Resize> = "off",
        /// then a part of it
        crop: Option<TestCrop> = "off",
    }
}

slot! {
    /// How a part of a training image is taken.
    pub enum Crop = "crop" { Padded(Padded), Resized(Resized), }
}

slot! {
    /// How a part of a test image is taken.
    pub enum TestCrop = "crop" { Center(Center), }
}

block! {
    /// A window of an image with zeros around it.
    pub struct Padded = "padded" {
        /// rows x columns of the window
        size: Size,
        /// zeros on each side
        pad: Whole,
    }
}

block! {
    /// A window of random area and shape, resized.
    pub struct Resized = "resized" {
        /// rows x columns of the result
        size: Size,
        /// of the image's area
        area: Parts = "8%..100%",
        /// width by height
        aspect: Range = "0.75..1.3333333333333333",
        /// how pixels are interpolated
        filter: Filter = "bilinear",
    }
}

block! {
    /// The middle.
    pub struct Center = "center" {
        /// rows x columns
        size: Size,
    }
}

choice! {
    /// How pixels are interpolated.
    pub enum Filter { Bilinear = "bilinear", Lanczos = "lanczos", }
}

choice! {
    /// Which mirror.
    pub enum Flip { Horizontal = "horizontal", }
}

slot! {
    /// Which changes are drawn.
    pub enum Policy = "policy" { RandAugment(RandAugment), }
}

block! {
    /// A few of fourteen changes of geometry and color, all of one strength (arXiv 1909.13719).
    pub struct RandAugment = "rand_augment" {
        /// how many, one after the other
        operations: UpTo100 = "2",
        /// of the greatest strength: 0.3 is magnitude 9 of 30
        strength: Fraction = "0.3",
    }
}

block! {
    /// Random changes of color, in random order.
    pub struct Jitter = "jitter" {
        /// by a factor within 1 +- this
        brightness: Fraction = "0",
        /// likewise
        contrast: Fraction = "0",
        /// likewise
        saturation: Fraction = "0",
        /// by an angle within +- this part of the circle
        hue: Fraction = "0",
    }
}

block! {
    /// A black rectangle over a part of the image.
    pub struct Erase = "chance" {
        /// how often
        chance: Fraction = "10%",
        /// of the image's area
        area: Parts = "2%..20%",
        /// height by width
        aspect: Range = "0.3..3.3",
        /// its color
        to: Blank = "black",
    }
}

block! {
    /// Another size, the aspect kept.
    pub struct Resize = "shorter" {
        /// pixels of the shorter side
        shorter: Pixels,
        /// how pixels are interpolated
        filter: Filter = "lanczos",
    }
}

slot! {
    /// How colors become numbers.
    pub enum Normalize = "normalize" { Channels(Channels), Imagenet(Imagenet), Cifar100(Cifar100), }
}

block! {
    /// `(color - mean) / std`, colors from 0 to 1.
    pub struct Channels = "channels" {
        /// of red, green and blue
        mean: Color,
        /// of red, green and blue
        std: Scales,
    }
}

block! {
    /// With the statistics of ImageNet.
    pub struct Imagenet = "imagenet" {}
}

block! {
    /// With the statistics of CIFAR-100's training images.
    pub struct Cifar100 = "cifar100" {}
}
