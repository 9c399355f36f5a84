//! Drives the windows of the Windows program from another process, for tests: by the numbers of controls, never by
//! places on the screen.
//!
//! The arguments are steps, done in order; the first that fails ends the program with exit code 1 and a sentence.
//!
//! | step | what it does |
//! | --- | --- |
//! | `wait ID` | waits for a visible dialog with this control, and works on it from here on |
//! | `message TEXT` | waits for a message box whose text begins so, and prints the text |
//! | `answer yes` (`no`, `ok`, `retry`, `cancel`) | presses that button of the message box |
//! | `set ID TEXT`, `text ID` | types into a control; prints its text |
//! | `press ID` | presses a button |
//! | `enabled ID` | waits until a control can be used |
//! | `rows ID COUNT` | waits until a list has so many rows |
//! | `row ID NUMBER` | chooses a row, from 0 |
//! | `save PATH` | types a path into 名前を付けて保存 and presses 保存 |
//! | `gone ID` | waits until no visible dialog has this control |
//! | `menu ID` | does what a menu of the icon would do, the main window hidden or not |
//! | `import PATH PASSWORD` | brings a `.p12` into the user's store, as Windows' own wizard does (manual 2.4) |
//! | `balloon TEXT` | waits for a notification that holds these words, and prints it |
//! | `picture` | says the titles of all dialogs, for the output of a test |
//!
//! `ID` is a number of `windows/resource.h`. Waiting ends after a minute.

#![cfg_attr(
    windows,
    expect(unsafe_code, reason = "sends messages to windows of another process")
)]
#![expect(clippy::print_stdout, reason = "what a test reads")]

#[cfg(windows)]
fn main() -> std::process::ExitCode {
    let steps: Vec<String> = std::env::args().skip(1).collect();
    match windows::run(&steps) {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(problem) => {
            println!("FAILED: {problem}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(not(windows))]
fn main() {
    println!("drive works on Windows alone");
}

#[cfg(windows)]
mod windows {
    use std::time::{Duration, Instant};

    use windows_sys::Win32::Foundation::{HWND, LPARAM};
    use windows_sys::Win32::Security::Cryptography::{
        CERT_KEY_PROV_INFO_PROP_ID, CERT_STORE_ADD_REPLACE_EXISTING, CERT_STORE_CTRL_COMMIT,
        CRYPT_INTEGER_BLOB, CRYPT_USER_KEYSET, CertAddCertificateContextToStore, CertCloseStore,
        CertControlStore, CertEnumCertificatesInStore, CertGetCertificateContextProperty,
        CertOpenSystemStoreW, PFXImportCertStore,
    };
    use windows_sys::Win32::UI::Controls::LVM_GETITEMCOUNT;
    use windows_sys::Win32::UI::Input::KeyboardAndMouse::{IsWindowEnabled, VK_DOWN, VK_HOME};
    use windows_sys::Win32::UI::WindowsAndMessaging::{
        EnumWindows, GetClassNameW, GetDlgItem, IsWindowVisible, PostMessageW, SendMessageW,
        WM_COMMAND, WM_GETTEXT, WM_GETTEXTLENGTH, WM_KEYDOWN, WM_KEYUP, WM_SETTEXT,
    };

    const PATIENCE: Duration = Duration::from_secs(60);
    const INTERVAL: Duration = Duration::from_millis(50);
    /// The text of a message box.
    const MESSAGE_TEXT: i32 = 0xffff;
    /// The field for the name in 名前を付けて保存: the box, or the field in it.
    const SAVE_NAMES: [i32; 2] = [0x47c, 0x480];
    const MAIN_LIST: i32 = 101;
    const DIALOG: &str = "#32770";
    /// Notifications of the notification area are balloons of this class.
    const TOOLTIP: &str = "tooltips_class32";

    pub(super) fn run(steps: &[String]) -> Result<(), String> {
        let mut current = Window(std::ptr::null_mut());
        let mut steps = steps.iter();
        while let Some(step) = steps.next() {
            let mut next = || steps.next().ok_or(format!("{step} wants more"));
            match step.as_str() {
                "wait" => current = wait_for(number(next()?)?)?,
                "message" => {
                    let begin = next()?;
                    let begins = |window: &Window| {
                        window.item(MESSAGE_TEXT).text().starts_with(begin.as_str())
                    };
                    current = wait(&format!("a message {begin:?}"), || {
                        dialogs().into_iter().find(begins)
                    })?;
                    println!("message: {}", shown(&current.item(MESSAGE_TEXT).text()));
                }
                "answer" => {
                    let button = match next()?.as_str() {
                        "ok" => 1,
                        "cancel" => 2,
                        "retry" => 4,
                        "yes" => 6,
                        "no" => 7,
                        other => return Err(format!("{other:?} is no answer")),
                    };
                    current.press(button);
                    let asked = current;
                    wait("the message box to go", || {
                        (!dialogs().contains(&asked)).then_some(())
                    })?;
                }
                "set" => {
                    let id = number(next()?)?;
                    current.item(id).set_text(next()?);
                }
                "text" => {
                    let id = number(next()?)?;
                    println!("text {id}: {}", shown(&current.item(id).text()));
                }
                "press" => current.press(number(next()?)?),
                "enabled" => {
                    let control = current.item(number(next()?)?);
                    wait("a control to be usable", || {
                        control.is_enabled().then_some(())
                    })?;
                }
                "rows" => {
                    let list = current.item(number(next()?)?);
                    let count = number(next()?)?;
                    wait(&format!("{count} rows"), || {
                        (list.rows() == count).then_some(())
                    })?;
                }
                "row" => {
                    let list = current.item(number(next()?)?);
                    list.choose(number(next()?)?);
                }
                "save" => {
                    let path = next()?;
                    let is_save =
                        |window: &Window| SAVE_NAMES.iter().any(|id| window.item(*id).exists());
                    let dialog = wait("a dialog for saving", || {
                        dialogs().into_iter().find(is_save)
                    })?;
                    for id in SAVE_NAMES {
                        let field = dialog.item(id);
                        if field.exists() {
                            println!("save: {}", shown(&field.text()));
                            field.set_text(path);
                        }
                    }
                    dialog.press(1);
                }
                "balloon" => {
                    let words = next()?;
                    let balloon = wait(&format!("a notification {words:?}"), || {
                        let mut found = of_class(TOOLTIP);
                        found.retain(|window| window.is_visible());
                        found
                            .into_iter()
                            .find(|window| window.text().contains(words.as_str()))
                    })?;
                    println!("balloon: {}", shown(&balloon.text()));
                }
                "gone" => {
                    let id = number(next()?)?;
                    wait("a dialog to go", || {
                        let is_there = dialogs().iter().any(|window| window.item(id).exists());
                        (!is_there).then_some(())
                    })?;
                }
                "menu" => {
                    let id = number(next()?)?;
                    let main = wait("the main window", || {
                        windows()
                            .into_iter()
                            .find(|window| window.item(MAIN_LIST).exists())
                    })?;
                    main.press(id);
                }
                "import" => {
                    let path = next()?;
                    import(path, next()?)?;
                }
                "picture" => {
                    for window in dialogs() {
                        println!("window: {}", shown(&window.text()));
                    }
                }
                other => return Err(format!("{other:?} is no step")),
            }
        }
        Ok(())
    }

    #[derive(Clone, Copy, PartialEq, Eq)]
    struct Window(HWND);

    impl Window {
        fn item(self, id: i32) -> Self {
            // SAFETY: takes any number as a handle.
            Self(unsafe { GetDlgItem(self.0, id) })
        }

        fn exists(self) -> bool {
            !self.0.is_null()
        }

        fn text(self) -> String {
            // SAFETY: takes any number as a handle.
            let length = unsafe { SendMessageW(self.0, WM_GETTEXTLENGTH, 0, 0) };
            let room = usize::try_from(length).unwrap_or(0) + 1;
            let mut units = vec![0_u16; room];
            // SAFETY: the system carries the text over; the buffer has the room that is told.
            let length =
                unsafe { SendMessageW(self.0, WM_GETTEXT, room, units.as_mut_ptr() as isize) };
            units.truncate(usize::try_from(length).unwrap_or(0));
            String::from_utf16_lossy(&units)
        }

        fn set_text(self, text: &str) {
            let units: Vec<u16> = text.encode_utf16().chain([0]).collect();
            // SAFETY: the system carries the text over; it ends with a zero.
            unsafe { SendMessageW(self.0, WM_SETTEXT, 0, units.as_ptr() as isize) };
        }

        fn press(self, id: i32) {
            let button = self.item(id).0 as isize;
            // SAFETY: takes any number as a handle.
            unsafe { PostMessageW(self.0, WM_COMMAND, usize::try_from(id).unwrap_or(0), button) };
        }

        fn is_enabled(self) -> bool {
            // SAFETY: takes any number as a handle.
            unsafe { IsWindowEnabled(self.0) != 0 }
        }

        fn is_visible(self) -> bool {
            // SAFETY: takes any number as a handle.
            unsafe { IsWindowVisible(self.0) != 0 }
        }

        fn rows(self) -> i32 {
            // SAFETY: takes any number as a handle.
            let count = unsafe { SendMessageW(self.0, LVM_GETITEMCOUNT, 0, 0) };
            i32::try_from(count).unwrap_or(-1)
        }

        /// By the keyboard: pointers into this process mean nothing in the other.
        fn choose(self, row: i32) {
            let mut keys = vec![VK_HOME];
            keys.extend((0..row).map(|_| VK_DOWN));
            for key in keys {
                // SAFETY: takes any number as a handle.
                unsafe {
                    SendMessageW(self.0, WM_KEYDOWN, usize::from(key), 0);
                    SendMessageW(self.0, WM_KEYUP, usize::from(key), 0);
                }
            }
        }
    }

    /// All windows of dialogs, hidden ones too.
    fn windows() -> Vec<Window> {
        of_class(DIALOG)
    }

    /// All windows of a class, hidden ones too.
    fn of_class(class: &str) -> Vec<Window> {
        unsafe extern "system" fn collect(handle: HWND, list: LPARAM) -> i32 {
            // SAFETY: the list lives in the call below.
            unsafe { (*(list as *mut Vec<Window>)).push(Window(handle)) };
            1
        }
        let mut found: Vec<Window> = Vec::new();
        // SAFETY: the callback gets a pointer to the list, which lives until the call returns.
        unsafe { EnumWindows(Some(collect), (&raw mut found) as isize) };
        found.retain(|window| {
            let mut name = [0_u16; 32];
            // SAFETY: the buffer has the room that is told.
            let length = unsafe { GetClassNameW(window.0, name.as_mut_ptr(), 32) };
            let length = usize::try_from(length).unwrap_or(0);
            String::from_utf16_lossy(name.get(..length).unwrap_or_default()) == class
        });
        found
    }

    fn dialogs() -> Vec<Window> {
        let mut found = windows();
        found.retain(|window| window.is_visible());
        found
    }

    fn wait_for(id: i32) -> Result<Window, String> {
        wait(&format!("a dialog with control {id}"), || {
            dialogs()
                .into_iter()
                .find(|window| window.item(id).exists())
        })
    }

    fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> Result<T, String> {
        let begin = Instant::now();
        while begin.elapsed() < PATIENCE {
            if let Some(found) = look() {
                return Ok(found);
            }
            #[expect(
                clippy::disallowed_methods,
                reason = "another process has no event for us"
            )]
            std::thread::sleep(INTERVAL);
        }
        let open: Vec<String> = dialogs()
            .into_iter()
            .map(|window| format!("{:?} {:?}", window.text(), window.item(MESSAGE_TEXT).text()))
            .collect();
        Err(format!("waited for {what}; open: {}", open.join(", ")))
    }

    /// The certificate with a key goes to MY; the others are left out.
    fn import(path: &str, password: &str) -> Result<(), String> {
        let mut octets = std::fs::read(path).map_err(|error| format!("{path}: {error}"))?;
        let password: Vec<u16> = password.encode_utf16().chain([0]).collect();
        let name: Vec<u16> = "MY".encode_utf16().chain([0]).collect();
        let blob = CRYPT_INTEGER_BLOB {
            cbData: u32::try_from(octets.len()).unwrap_or(0),
            pbData: octets.as_mut_ptr(),
        };
        // SAFETY: the blob, the password and the name live until the calls return; each handle is closed once, and the
        // contexts before the stores.
        unsafe {
            let from = PFXImportCertStore(&raw const blob, password.as_ptr(), CRYPT_USER_KEYSET);
            if from.is_null() {
                return Err(format!("{path} does not open"));
            }
            let to = CertOpenSystemStoreW(0, name.as_ptr());
            let mut added = 0;
            let mut context = std::ptr::null_mut();
            loop {
                context = CertEnumCertificatesInStore(from, context);
                if context.is_null() {
                    break;
                }
                let mut size = 0;
                let property = CERT_KEY_PROV_INFO_PROP_ID;
                let has_key = CertGetCertificateContextProperty(
                    context,
                    property,
                    std::ptr::null_mut(),
                    &raw mut size,
                );
                if has_key != 0 {
                    added += CertAddCertificateContextToStore(
                        to,
                        context,
                        CERT_STORE_ADD_REPLACE_EXISTING,
                        std::ptr::null_mut(),
                    );
                }
            }
            CertControlStore(to, 0, CERT_STORE_CTRL_COMMIT, std::ptr::null());
            CertCloseStore(to, 0);
            CertCloseStore(from, 0);
            println!("imported: {added}");
        }
        Ok(())
    }

    fn number(text: &str) -> Result<i32, String> {
        text.parse().map_err(|_| format!("{text:?} is no number"))
    }

    fn shown(text: &str) -> String {
        text.replace("\r\n", "\n").replace('\n', "\\n")
    }
}
