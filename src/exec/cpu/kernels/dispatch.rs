//! Centers return to the pixels.
