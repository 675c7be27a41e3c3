//! Readers: folders, packets and seeds become frames.
