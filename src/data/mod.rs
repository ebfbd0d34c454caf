//! Real and generated images, decoded and augmented ahead of training.
