//! Fusion: the experts' words become one list of boxes.
