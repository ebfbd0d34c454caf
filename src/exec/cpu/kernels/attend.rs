//! Every center gathers from all pixels.
