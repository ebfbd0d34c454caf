//! Dense strided convolution.
