//! From the data settings of a model to data sets and pipelines.

use super::{
    Broken, CIFAR100, Cifar, DataError, Dataset, Division, IMAGENET, Pipeline, Shapes, Split,
    Statistics, Step, folder, lists, parquet,
};
use crate::graph::Size;
use crate::spec::{
    self, Augment, Crop, Data, Drawing, Filter, Lists, Normalize, Policy, Prepare, TestCrop,
};
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
    /// The training images that turn out broken, and likewise the test images.
    pub broken: [Arc<Broken>; 2],
}

impl Opened {
    /// A part, and what is done to its images.
    pub fn part(&self, part: Split) -> (&Arc<dyn Dataset>, &Arc<Pipeline>) {
        match part {
            Split::Train => (&self.train, &self.train_pipeline),
            Split::Test => (&self.test, &self.test_pipeline),
        }
    }

    /// Rows and columns in which a model is given the first image of a part that can be read; none if
    /// none of the first few can.
    pub fn shown(&self, part: Split) -> Option<Size> {
        let (set, pipeline) = self.part(part);
        let image = (0..set.len().min(TRIED)).find_map(|i| set.image(i).ok())?;
        Some(pipeline.size([image.height, image.width]))
    }
}

/// Images that are read to see what size they have.
const TRIED: usize = 16;

/// Opens the data of a model; `instead` is a folder other than the one it says.
pub fn open(data: &Data, instead: Option<&Path>) -> Result<Opened, DataError> {
    let folder = |said: &str| instead.unwrap_or(Path::new(said)).to_path_buf();
    match data {
        Data::Cifar(kind) => {
            let root = folder(&kind.files.value.0);
            opened(data, Some(&root), |split| Cifar::open(&root, split))
        }
        Data::ImageFolders(kind) => {
            let root = folder(&kind.files.value.0);
            let division = division(&kind.split.value);
            opened(data, Some(&root), |split| folder::open(&root, split, division))
        }
        Data::ImageLists(kind) => {
            let root = folder(&kind.files.value.0);
            let division = division(&kind.split.value);
            opened(data, Some(&root), |split| match *kind.lists {
                Lists::Together => lists::together(&root, split, division),
                Lists::Apart => lists::apart(&root, split),
            })
        }
        Data::Parquet(kind) => {
            let root = folder(&kind.files.value.0);
            let division = division(&kind.split.value);
            opened(data, Some(&root), |split| parquet::open(&root, split, division))
        }
        Data::Shapes(kind) => {
            if let Some(folder) = instead {
                let message = "the data of this model is generated (`shapes`): no folder is read";
                let help = "leave `--data` out, or write `data image_folders { files \"…\" }`";
                return Err(DataError::new(message).at(folder).help(help));
            }
            opened(data, None, |split| {
                let count = match split {
                    Split::Train => kind.train_images.value.0,
                    Split::Test => kind.test_images.value.0,
                };
                Shapes::new(
                    kind.size.value.0,
                    kind.classes.value.0,
                    count,
                    kind.seed.value.0,
                    split,
                )
            })
        }
    }
}

fn opened<D: Dataset + 'static>(
    data: &Data,
    folder: Option<&Path>,
    open: impl Fn(Split) -> Result<D, DataError>,
) -> Result<Opened, DataError> {
    let [train, test] = [Arc::new(open(Split::Train)?), Arc::new(open(Split::Test)?)];
    let said = data.said();
    let statistics = statistics(said.normalize);
    Ok(Opened {
        broken: [train.len(), test.len()].map(|n| Arc::new(Broken::up_to(said.broken, n))),
        train,
        test,
        train_pipeline: Arc::new(Pipeline::new(train_steps(said.train), statistics)),
        test_pipeline: Arc::new(test_pipeline(data)),
        folder: folder.map(Path::to_path_buf),
    })
}

/// What is done to a test image, and to an image to be classified.
pub fn test_pipeline(data: &Data) -> Pipeline {
    let said = data.said();
    let steps = said.test.map_or_else(Vec::new, test_steps);
    Pipeline::new(steps, statistics(said.normalize))
}

fn division(split: &spec::Split) -> Division {
    Division {
        part: split.part.value.0,
        seed: split.seed.value.0,
        pandas: *split.draw == Drawing::Pandas,
    }
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
    if let Some(Policy::RandAugment(kind)) = &augment.policy.value {
        let (operations, strength) = (kind.operations.value.0, kind.strength.value.0);
        steps.push(Step::RandAugment { operations, strength });
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
