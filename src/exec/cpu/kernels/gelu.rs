//! GELU in its exact form.
