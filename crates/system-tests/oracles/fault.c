/*
 * A disk that fails once: preloaded into a program, it lets one call that writes to a file of a folder
 * fail. A write that fails has written half of its octets.
 *
 *   FAULT_FOLDER   the folder
 *   FAULT_CALL     which call fails, the first is 1
 *   FAULT_ERROR    with this errno, a number
 *   FAULT_LASTS    1: so does every later call
 *   FAULT_FROM     calls are counted once this file is there; not set: from the start
 *
 * Says "fault: CALL FILE" on standard error when it comes to it.
 */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

static atomic_long counted;

/* The error with which this call fails; 0: it does not. */
static int fails(const char *call, int file)
{
	const char *folder = getenv("FAULT_FOLDER");
	const char *from = getenv("FAULT_FROM");
	const char *nth = getenv("FAULT_CALL");
	const char *error = getenv("FAULT_ERROR");
	char link[64], path[PATH_MAX + 1];
	ssize_t length;
	long number;

	if (!folder || !nth || !error)
		return 0;
	snprintf(link, sizeof link, "/proc/self/fd/%d", file);
	length = readlink(link, path, PATH_MAX);
	if (length < 0)
		return 0;
	path[length] = 0;
	if (strncmp(path, folder, strlen(folder)) != 0)
		return 0;
	if (from && access(from, F_OK) != 0)
		return 0;
	number = atomic_fetch_add(&counted, 1) + 1;
	if (number != atol(nth) && !(getenv("FAULT_LASTS") && number > atol(nth)))
		return 0;
	dprintf(2, "fault: %s %s\n", call, path);
	return atoi(error);
}

#define REAL(name) __typeof__(&name) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* The end of a call that fails. */
static int failed(int error)
{
	errno = error;
	return -1;
}

ssize_t write(int file, const void *octets, size_t count)
{
	REAL(write);
	int error = fails("write", file);

	if (!error)
		return real(file, octets, count);
	if (real(file, octets, count / 2) < 0)
		return -1;
	return failed(error);
}

ssize_t pwrite(int file, const void *octets, size_t count, off_t at)
{
	REAL(pwrite);
	int error = fails("pwrite", file);

	if (!error)
		return real(file, octets, count, at);
	if (real(file, octets, count / 2, at) < 0)
		return -1;
	return failed(error);
}

ssize_t pwrite64(int file, const void *octets, size_t count, off64_t at)
{
	REAL(pwrite64);
	int error = fails("pwrite64", file);

	if (!error)
		return real(file, octets, count, at);
	if (real(file, octets, count / 2, at) < 0)
		return -1;
	return failed(error);
}

int fsync(int file)
{
	REAL(fsync);
	int error = fails("fsync", file);

	return error ? failed(error) : real(file);
}

int fdatasync(int file)
{
	REAL(fdatasync);
	int error = fails("fdatasync", file);

	return error ? failed(error) : real(file);
}

int ftruncate(int file, off_t length)
{
	REAL(ftruncate);
	int error = fails("ftruncate", file);

	return error ? failed(error) : real(file, length);
}

int ftruncate64(int file, off64_t length)
{
	REAL(ftruncate64);
	int error = fails("ftruncate64", file);

	return error ? failed(error) : real(file, length);
}
