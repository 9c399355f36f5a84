//! What the persons of this system do, in their own browsers, from the application to the second
//! renewal. Each page leaves a picture in `target/screenshots`, passes axe-core, and fits its window;
//! everything is done with the keyboard alone (`oracles/browser/drive.js`).

mod addresses;
mod applications;
mod count;
mod ends;
mod holds;
mod house;
mod letters;
mod life;
mod news;
mod notices;
mod office;
mod pages;
mod postgres;
mod refusals;
mod windows;
