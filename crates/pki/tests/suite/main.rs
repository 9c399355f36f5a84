//! What this crate writes, read back; what others wrote, read; what is hostile, refused.

mod certificate;
mod sample;
