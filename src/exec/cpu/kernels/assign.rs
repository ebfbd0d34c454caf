//! Every pixel finds its center.
