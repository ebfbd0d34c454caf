//! Adaptive average pooling.
