//! Centers become the mean of themselves and their pixels.
