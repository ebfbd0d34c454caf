//! Linear layer.
