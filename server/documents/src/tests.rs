//! Documents through their handle.
