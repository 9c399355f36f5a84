/* A program in the place of mpki-client.exe: it keeps to the words that the Windows package says to it
   (crates/installer/src/verbs.rs) and notes each of them in stand-in.log of the local application data,
   which wine keeps in its prefix. */
#include <stdio.h>
#include <wchar.h>
#include <windows.h>

static void note(const wchar_t *what)
{
    wchar_t path[MAX_PATH];
    if (!GetEnvironmentVariableW(L"PUBLIC", path, MAX_PATH - 20))
        return;
    wcscat(path, L"\\stand-in.log");
    FILE *log = _wfopen(path, L"a");
    if (!log)
        return;
    fwprintf(log, L"%ls\n", what);
    fclose(log);
}

int WINAPI wWinMain(HINSTANCE instance, HINSTANCE before, LPWSTR line, int show)
{
    note(line);
    if (wcscmp(line, L"--tray") == 0) {
        HANDLE quit = CreateEventW(NULL, TRUE, FALSE, L"TegataStandInQuit");
        HANDLE gone = CreateEventW(NULL, TRUE, FALSE, L"TegataStandInGone");
        WaitForSingleObject(quit, INFINITE);
        note(L"ends");
        SetEvent(gone);
    } else if (wcscmp(line, L"--quit") == 0) {
        HANDLE gone = OpenEventW(SYNCHRONIZE, FALSE, L"TegataStandInGone");
        HANDLE quit = OpenEventW(EVENT_MODIFY_STATE, FALSE, L"TegataStandInQuit");
        if (quit && gone) {
            SetEvent(quit);
            WaitForSingleObject(gone, 10000);
        }
    }
    return 0;
}
