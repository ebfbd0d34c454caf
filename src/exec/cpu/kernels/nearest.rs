//! The center most similar to every pixel.
