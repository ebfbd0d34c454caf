//! The gate between a refined center and the pooled one.
