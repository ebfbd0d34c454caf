//! Linear, depth-wise convolution, GELU, linear, as one kernel over chunks of hidden channels.
