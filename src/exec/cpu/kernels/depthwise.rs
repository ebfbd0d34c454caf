//! Depth-wise convolution.
