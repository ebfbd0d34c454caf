//! From the data settings of a model to data sets and pipelines.

use super::{
    CIFAR100, Cifar, DataError, Dataset, IMAGENET, ImageFolder, Pipeline, Shapes, Split,
    Statistics, Step,
};
use crate::spec::{self, Augment, Crop, Data, Filter, Normalize, Prepare, TestCrop};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Training and test images, and what is done to them.
pub struct Opened {
    pub train: Arc<dyn Dataset>,
    pub test: Arc<dyn Dataset>,
    pub train_pipeline: Arc<Pipeline>,
    pub test_pipeline: Arc<Pipeline>,
    /// Where the images lie; none where they are generated.
    pub folder: Option<PathBuf>,
}

/// Opens the data of a model; `instead` is a folder other than the one it says.
pub fn open(data: &Data, instead: Option<&Path>) -> Result<Opened, DataError> {
    let folder = |said: &str| instead.unwrap_or(Path::new(said)).to_path_buf();
    match data {
        Data::Cifar(kind) => {
            let folder = folder(&kind.files.value.0);
            let open = |split| Cifar::open(&folder, split);
            let opened =
                opened(open, &kind.train.value, Some(&kind.test.value), &kind.normalize.value)?;
            Ok(Opened { folder: Some(folder), ..opened })
        }
        Data::ImageFolders(kind) => {
            let folder = folder(&kind.files.value.0);
            let part = &kind.split.value;
            let open =
                |split| ImageFolder::open(&folder, split, part.part.value.0, part.seed.value.0);
            let opened =
                opened(open, &kind.train.value, Some(&kind.test.value), &kind.normalize.value)?;
            Ok(Opened { folder: Some(folder), ..opened })
        }
        Data::Shapes(kind) => {
            if let Some(folder) = instead {
                let message = "the data of this model is generated (`shapes`): no folder is read";
                let help = "leave `--data` out, or write `data image_folders { files \"…\" }`";
                return Err(DataError::new(message).at(folder).help(help));
            }
            let open = |split| {
                let count = match split {
                    Split::Train => kind.train_images.value.0,
                    Split::Test => kind.test_images.value.0,
                };
                Shapes::new(*kind.size, kind.classes.value.0, count, kind.seed.value.0, split)
            };
            opened(open, &kind.train.value, None, &kind.normalize.value)
        }
    }
}

fn opened<D: Dataset + 'static>(
    open: impl Fn(Split) -> Result<D, DataError>,
    train: &Augment,
    test: Option<&Prepare>,
    normalize: &Option<Normalize>,
) -> Result<Opened, DataError> {
    let statistics = statistics(normalize);
    Ok(Opened {
        train: Arc::new(open(Split::Train)?),
        test: Arc::new(open(Split::Test)?),
        train_pipeline: Arc::new(Pipeline::new(train_steps(train), statistics)),
        test_pipeline: Arc::new(Pipeline::new(test.map_or_else(Vec::new, test_steps), statistics)),
        folder: None,
    })
}

/// What is done to a test image, and to an image to be classified.
pub fn test_pipeline(data: &Data) -> Pipeline {
    let (test, normalize) = match data {
        Data::Cifar(kind) => (Some(&kind.test.value), &kind.normalize.value),
        Data::ImageFolders(kind) => (Some(&kind.test.value), &kind.normalize.value),
        Data::Shapes(kind) => (None, &kind.normalize.value),
    };
    Pipeline::new(test.map_or_else(Vec::new, test_steps), statistics(normalize))
}

fn train_steps(augment: &Augment) -> Vec<Step> {
    let mut steps = Vec::new();
    match &augment.crop.value {
        Some(Crop::Padded(kind)) => {
            steps.push(Step::CropPadded { size: *kind.size, pad: kind.pad.value.0 as usize })
        }
        Some(Crop::Resized(kind)) => steps.push(Step::CropResized {
            size: *kind.size,
            area: (kind.area.value.0, kind.area.value.1),
            aspect: (kind.aspect.value.0, kind.aspect.value.1),
            lanczos: *kind.filter == Filter::Lanczos,
        }),
        None => {}
    }
    if augment.flip.value.is_some() {
        steps.push(Step::Flip { probability: 0.5 });
    }
    if let Some(jitter) = &augment.jitter.value {
        steps.push(Step::Jitter {
            brightness: jitter.brightness.value.0,
            contrast: jitter.contrast.value.0,
            saturation: jitter.saturation.value.0,
            hue: jitter.hue.value.0,
        });
    }
    if let Some(erase) = &augment.erase.value {
        steps.push(Step::Erase {
            probability: erase.chance.value.0,
            area: (erase.area.value.0, erase.area.value.1),
            aspect: (erase.aspect.value.0, erase.aspect.value.1),
        });
    }
    steps
}

fn test_steps(prepare: &Prepare) -> Vec<Step> {
    let mut steps = Vec::new();
    if let Some(resize) = &prepare.resize.value {
        let lanczos = *resize.filter == Filter::Lanczos;
        steps.push(Step::ResizeShorter { size: resize.shorter.value.0, lanczos });
    }
    if let Some(TestCrop::Center(kind)) = &prepare.crop.value {
        steps.push(Step::CropCenter { size: *kind.size });
    }
    steps
}

fn statistics(normalize: &Option<Normalize>) -> Statistics {
    let narrow = |n: &spec::Channels| Statistics {
        mean: n.mean.value.0.map(|x| x as f32),
        std: n.std.value.0.map(|x| x as f32),
    };
    match normalize {
        Some(Normalize::Channels(kind)) => narrow(kind),
        Some(Normalize::Imagenet(_)) => IMAGENET,
        Some(Normalize::Cifar100(_)) => CIFAR100,
        None => Statistics { mean: [0.0; 3], std: [1.0; 3] },
    }
}
