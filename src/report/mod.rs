//! Results become files.
