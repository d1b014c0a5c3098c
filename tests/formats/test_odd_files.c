/* Files that are odd as files: no regular ones, larger than 4 GB, changed while they
 * are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <autosim/topology.h>

#include "base/file.h"
#include "formats/edr.h"
#include "formats/npy.h"
#include "formats/tpr.h"
#include "formats/trajectory_format.h"
#include "formats/xtc.h"
#include "formats/xvg.h"

static int open_trajectory(const char *path, struct asim_error *err)
{
    struct asim_trajectory *traj;
    return asim_trajectory_open(path, &traj, err);
}

static int open_several(const char *path, struct asim_error *err)
{
    struct asim_trajectory *traj;
    return asim_trajectory_open_many(&path, 1, &traj, err);
}

static int recognise_trajectory(const char *path, struct asim_error *err)
{
    const char *format;
    return asim_trajectory_recognise(path, &format, err);
}

static int read_topology(const char *path, struct asim_error *err)
{
    struct asim_topology top;
    return asim_topology_read(path, &top, err);
}

static int recognise_topology(const char *path, struct asim_error *err)
{
    const char *format;
    return asim_topology_recognise(path, &format, err);
}

static int read_tpr(const char *path, struct asim_error *err)
{
    struct asim_tpr tpr;
    return asim_tpr_read(path, &tpr, NULL, err);
}

static int read_edr(const char *path, struct asim_error *err)
{
    struct asim_edr_last last;
    return asim_edr_read_last(path, &last, err);
}

static int read_xvg(const char *path, struct asim_error *err)
{
    struct asim_xvg xvg;
    return asim_xvg_read(path, &xvg, err);
}

static int open_npy(const char *path, struct asim_error *err)
{
    FILE *file;
    size_t shape[2];
    int dimensions;
    return asim_npy_open(path, &file, shape, &dimensions, err);
}

static int hash(const char *path, struct asim_error *err)
{
    char hex[65];
    return asim_file_sha256(path, hex, err);
}

static void make_socket(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
}

/* A pipe without a writer would be waited for, a device read for ever: the alarm ends
 * what waits. */
static void no_regular_files(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int (*read)(const char *path, struct asim_error *err);
    } readers[] = {
        {"asim_trajectory_open", open_trajectory},
        {"asim_trajectory_open_many", open_several},
        {"asim_trajectory_recognise", recognise_trajectory},
        {"asim_topology_read", read_topology},
        {"asim_topology_recognise", recognise_topology},
        {"asim_tpr_read", read_tpr},
        {"asim_edr_read_last", read_edr},
        {"asim_xvg_read", read_xvg},
        {"asim_npy_open", open_npy},
        {"asim_file_sha256", hash},
    };
    static const struct {
        const char *path, *kind;
    } files[] = {{"fifo", "a pipe"},
                 {".", "a folder"},
                 {"/dev/zero", "a device"},
                 {"socket", "socket"}};
    assert_int_equal(mkfifo("fifo", 0600), 0);
    make_socket("socket");
    alarm(60);
    for (size_t r = 0; r < sizeof readers / sizeof *readers; r++)
        for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
            struct asim_error err = {0};
            int rc = readers[r].read(files[f].path, &err);
            /* A socket cannot even be opened. */
            bool is_socket = strcmp(files[f].path, "socket") == 0;
            /* What a pipe gives can be written to disk, a folder cannot. */
            bool is_pipe = strcmp(files[f].path, "fifo") == 0;
            if (is_pipe != (strstr(err.text, "to disk") != NULL))
                fail_msg("%s of %s: %s", readers[r].name, files[f].path, err.text);
            if (rc != -1 || err.status != (is_socket ? ASIM_EIO : ASIM_EINPUT) ||
                !strstr(err.text, files[f].path) ||
                (!is_socket && !strstr(err.text, files[f].kind)))
                fail_msg("%s of %s: %d, %s", readers[r].name, files[f].path, rc,
                         err.text);
        }
    alarm(0);
    remove("fifo");
    remove("socket");
}

static void put(int fd, uint64_t offset, const void *bytes, size_t size)
{
    assert_int_equal(pwrite(fd, bytes, size, (off_t)offset), (ssize_t)size);
}

static void put_big(int fd, uint64_t *offset, uint32_t value)
{
    uint32_t bytes = __builtin_bswap32(value);
    put(fd, *offset, &bytes, sizeof bytes);
    *offset += sizeof bytes;
}

static void put_float(int fd, uint64_t *offset, float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_big(fd, offset, bits);
}

/* Frames of mostly nothing: the payload of zeros is a first atom at the minimum. */
static uint64_t put_xtc(int fd, uint64_t offset, uint32_t atoms, uint64_t payload,
                        float time_ps)
{
    put_big(fd, &offset, 2023);
    put_big(fd, &offset, atoms);
    put_big(fd, &offset, 0);
    put_float(fd, &offset, time_ps);
    offset += 36; /* no box */
    put_big(fd, &offset, atoms);
    put_float(fd, &offset, 1000);
    for (int d = 0; d < 3; d++)
        put_big(fd, &offset, 1000 * (uint32_t)time_ps);
    for (int d = 0; d < 3; d++)
        put_big(fd, &offset, 1000 * (uint32_t)time_ps + 5000);
    put_big(fd, &offset, 20);
    put_big(fd, &offset, (uint32_t)(payload >> 32));
    put_big(fd, &offset, (uint32_t)payload);
    return offset + (payload + 3) / 4 * 4;
}

static void put_native(int fd, uint64_t offset, int32_t value)
{
    put(fd, offset, &value, sizeof value);
}

enum { MANY_ATOMS = 300000000, TRR_ATOMS = 120000000, DCD_ATOMS = 400000000 };

static uint64_t make_large_xtc(int fd)
{
    uint64_t offset = 0;
    for (int f = 0; f < 3; f++)
        offset = put_xtc(fd, offset, MANY_ATOMS, 4500000000, (float)f);
    return offset;
}

/* x, v and f of floats, each below 4 GB, together above. */
static uint64_t make_large_trr(int fd)
{
    uint64_t offset = 0;
    for (int f = 0; f < 3; f++) {
        uint64_t start = offset;
        put(fd, offset, "\0\0\x07\xc9\0\0\0\x0d\0\0\0\x0cGMX_trn_file", 24);
        offset += 24 + 28;
        for (int block = 0; block < 3; block++)
            put_big(fd, &offset, 12u * TRR_ATOMS);
        put_big(fd, &offset, TRR_ATOMS);
        put_big(fd, &offset, (uint32_t)f);
        put_big(fd, &offset, 0);
        put_float(fd, &offset, (float)f);
        put_float(fd, &offset, 0);
        put_float(fd, &offset, (float)f);
        offset = start + 84 + 36 * (uint64_t)TRR_ATOMS;
    }
    return offset;
}

static uint64_t make_large_dcd(int fd)
{
    uint64_t offset = 0;
    const int32_t record = 4 * DCD_ATOMS;
    const float step_akma = 1 / 0.04888821f;
    put_native(fd, 0, 84);
    put(fd, 4, "CORD", 4);
    put_native(fd, 8, 3);
    put_native(fd, 16, 1);
    put(fd, 44, &step_akma, 4);
    put_native(fd, 84, 24);
    put_native(fd, 88, 84);
    put_native(fd, 92, 4); /* no titles */
    put_native(fd, 100, 4);
    put_native(fd, 104, 4);
    put_native(fd, 108, DCD_ATOMS);
    put_native(fd, 112, 4);
    offset = 116;
    for (int f = 0; f < 3; f++)
        for (int d = 0; d < 3; d++) {
            const float x = 10 * (float)f;
            put_native(fd, offset, record);
            put(fd, offset + 4, &x, 4);
            put_native(fd, offset + 4 + (uint64_t)record, record);
            offset += 8 + (uint64_t)record;
        }
    return offset;
}

static void larger_than_4_gb(void **state)
{
    (void)state;
    static const struct {
        uint64_t (*make)(int fd);
        size_t atoms;
    } rows[] = {{make_large_xtc, MANY_ATOMS},
                {make_large_trr, TRR_ATOMS},
                {make_large_dcd, DCD_ATOMS}};
    for (size_t k = 0; k < 3; k++) {
        struct asim_trajectory *traj;
        struct asim_frame frame = {0};
        struct asim_error err = {0};
        size_t frames, damages;
        int fd = open("large", O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_true(fd >= 0);
        if (ftruncate(fd, (off_t)16 << 30) < 0) {
            print_message("skipped: the file system holds no file of 16 GB: %s\n",
                          strerror(errno));
            close(fd);
            remove("large");
            skip();
        }
        uint64_t size = rows[k].make(fd);
        assert_true(size > (uint64_t)12 << 30);
        assert_int_equal(ftruncate(fd, (off_t)size), 0);
        close(fd);
        if (asim_trajectory_open("large", &traj, &err) < 0)
            fail_msg("%s", err.text);
        assert_int_equal(asim_trajectory_atom_count(traj), rows[k].atoms);
        asim_trajectory_limit_atoms(traj, 1);
        assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
        assert_int_equal(frames, 3);
        for (size_t f = 3; f-- > 0;) {
            assert_int_equal(asim_trajectory_seek(traj, f, &err), 0);
            assert_int_equal(asim_trajectory_next(traj, &frame, &err), 1);
            assert_true(frame.x_nm[0][0] == (float)f);
            assert_true((float)frame.time_ps == (float)f);
            assert_true(f == 0 || frame.offset_bytes > UINT32_MAX);
        }
        asim_trajectory_damage(traj, &damages);
        assert_int_equal(damages, 0);
        asim_frame_finish(&frame);
        asim_trajectory_close(traj);
        remove("large");
    }
}

/* Boxes that are none or triclinic, and coordinates that do not differ along an axis.
 */
static void boxes_and_flat_axes(void **state)
{
    (void)state;
    static const float boxes[][3][3] = {{{0}},
                                        {{3, 0, 0}, {1, 3, 0}, {-1, 1.5f, 2.5f}},
                                        {{4, 0, 0}, {0, 4, 0}, {2, 2, 3}}};
    struct asim_frame frame = {0}, back = {0};
    struct asim_error err;
    struct asim_trajectory *traj;
    enum { ATOMS = 30 };
    assert_int_equal(asim_frame_reserve(&frame, ATOMS, &err), 0);
    frame.atom_count = ATOMS;
    frame.precision = 1000;
    for (size_t b = 0; b < 3; b++)
        for (int flat = 0; flat < 8; flat++) {
            struct asim_xtc_bytes bytes = {0};
            for (int i = 0; i < ATOMS; i++)
                for (int d = 0; d < 3; d++)
                    frame.x_nm[i][d] =
                        flat >> d & 1 ? 1.25f : (float)(i * (7 + d) % 11) / 4;
            memcpy(frame.box_nm, boxes[b], sizeof frame.box_nm);
            assert_int_equal(asim_xtc_append(&bytes, &frame, 0, &err), 0);
            assert_int_equal(
                asim_trajectory_open_memory(bytes.data, bytes.size, "m", &traj, &err),
                0);
            assert_int_equal(asim_trajectory_next(traj, &back, &err), 1);
            assert_memory_equal(back.box_nm, boxes[b], sizeof back.box_nm);
            for (int i = 0; i < 3 * ATOMS; i++)
                if (back.x_nm[i / 3][i % 3] !=
                    (float)(int)(frame.x_nm[i / 3][i % 3] * 1000 + 0.5f) * 0.001f)
                    fail_msg("flat %d, atom %d", flat, i / 3);
            asim_trajectory_close(traj);
            asim_xtc_bytes_finish(&bytes);
        }
    asim_frame_finish(&frame);
    asim_frame_finish(&back);
}

static size_t files_here(void)
{
    DIR *folder = opendir(".");
    size_t count = 0;
    assert_non_null(folder);
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/* What is appended is not seen, what is taken away is damage; and nothing is kept
 * beside a file that could be out of date at the next reading. */
static void changed_while_read(void **state)
{
    (void)state;
    enum { ATOMS = 40, FRAMES = 6 };
    struct asim_frame frame = {0};
    struct asim_xtc_bytes bytes = {0};
    struct asim_error err = {0};
    struct asim_trajectory *traj;
    size_t frames, damages, ends[FRAMES];
    assert_int_equal(asim_frame_reserve(&frame, ATOMS, &err), 0);
    for (int f = 0; f < FRAMES; f++) {
        frame.atom_count = ATOMS;
        frame.precision = 1000;
        frame.time_ps = f;
        for (int i = 0; i < 3 * ATOMS; i++)
            frame.x_nm[i / 3][i % 3] = (float)(i * (f + 3) % 17) / 8;
        assert_int_equal(asim_xtc_append(&bytes, &frame, 0, &err), 0);
        ends[f] = bytes.size;
    }
    assert_int_equal(asim_file_replace("grows", bytes.data, ends[3], &err), 0);
    assert_int_equal(asim_trajectory_open("grows", &traj, &err), 0);
    int fd = open("grows", O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, bytes.data + ends[3], bytes.size - ends[3]),
                     (ssize_t)(bytes.size - ends[3]));
    assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
    assert_int_equal(frames, 4);
    asim_trajectory_close(traj);
    assert_int_equal(asim_trajectory_open("grows", &traj, &err), 0);
    assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
    assert_int_equal(frames, 6);
    assert_int_equal(ftruncate(fd, (off_t)ends[2]), 0);
    close(fd);
    /* The frames that are gone may be in the window still, but are no error. */
    for (frames = 0; asim_trajectory_next(traj, &frame, &err) == 1;)
        frames++;
    assert_int_equal(err.status, ASIM_OK);
    asim_trajectory_damage(traj, &damages);
    assert_true(frames >= 3 && frames + damages == 6);
    asim_trajectory_close(traj);
    /* A shorter one of that name: nothing of the longer one is remembered. */
    assert_int_equal(asim_trajectory_open("grows", &traj, &err), 0);
    assert_int_equal(asim_trajectory_frame_count(traj, &frames, &err), 0);
    assert_int_equal(frames, 3);
    asim_trajectory_close(traj);
    assert_int_equal(files_here(), 3);
    remove("grows");
    asim_frame_finish(&frame);
    asim_xtc_bytes_finish(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_regular_files),
        cmocka_unit_test(larger_than_4_gb),
        cmocka_unit_test(boxes_and_flat_axes),
        cmocka_unit_test(changed_while_read),
    };
    char folder[] = "odd-XXXXXX";
    if (!mkdtemp(folder) || chdir(folder) < 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return chdir("..") < 0 || rmdir(folder) < 0 || failed;
}
