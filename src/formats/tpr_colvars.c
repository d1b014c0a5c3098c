/*
 * A Colvars bias inside a TPR.
 *
 * A TPR ends with two trees of named values: parameters of modules as the user gave
 * them, and what grompp prepared from these. Colvars has in the first
 *     applied-forces / colvars = {active, configfile, seed}
 * and in the second, only where it is active,
 *     colvars-configString, colvars-startingCoords, colvars-ensTemp, colvars-seed.
 * An object is an int32 count, then name and value each; a value is a tag character and
 * its bytes. Read off files of GROMACS 2020 to 2026. mdrun takes all of it on trust:
 * too few coordinates give a wrong value without a word, so the copy is read back.
 */
#include "formats/tpr.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "formats/tpr_layout.h"

static const char forces_key[] = "applied-forces";
static const char colvars_key[] = "colvars";
static const char text_key[] = "colvars-configString";
static const char coordinates_key[] = "colvars-startingCoords";

/* An object of a tree, and one member of it. */
struct tpr_object {
    size_t begin, end; /* its count, and behind it */
    uint32_t count;
    bool has_member;
    uint8_t tag;
    size_t value, member_end; /* the member's value behind its tag, and its end */
};

static bool same_text(const char *text, size_t length, const char *word)
{
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* Walks the object at `begin` of a body that was parsed before. */
static struct tpr_object look(const void *data, const struct asim_tpr *tpr,
                              size_t begin, const char *key)
{
    struct asim_tpr_reader reader = {
        .data = data,
        .end = (size_t)(tpr->offset.body + tpr->offset.body_size),
        .position = begin,
        .packed = tpr->offset.body_size_field != 0,
        .double_precision = tpr->real_bytes == 8,
        .file_version = tpr->file_version,
        .section = "a tree of parameters",
    };
    struct tpr_object object = {.begin = begin};
    object.count = (uint32_t)asim_tpr_read_count(&reader, 1);
    for (uint32_t i = 0; i < object.count && !reader.failed; i++) {
        size_t length;
        const char *name = asim_tpr_read_string(&reader, &length);
        size_t tag_at = reader.position;
        asim_tpr_walk_value(&reader);
        if (reader.failed || !same_text(name, length, key))
            continue;
        object.has_member = true;
        object.tag = reader.data[tag_at];
        object.value = tag_at + 1;
        object.member_end = reader.position;
    }
    object.end = reader.position;
    return object;
}

/* The object that is a member of the object at `begin`. */
static bool look_inside(const void *data, const struct asim_tpr *tpr, size_t begin,
                        const char *key, const char *inner_key,
                        struct tpr_object *ret_inner)
{
    struct tpr_object outer = look(data, tpr, begin, key);
    if (!outer.has_member || outer.tag != 'O')
        return false;
    *ret_inner = look(data, tpr, outer.value, inner_key);
    return true;
}

bool asim_tpr_holds_colvars(const struct asim_tpr *tpr)
{
    return tpr->offset.body_size_field != 0 && tpr->offset.prepared != 0;
}

void asim_tpr_find_colvars(const void *data, const struct asim_tpr *tpr,
                           struct asim_tpr_colvars_found *ret_found)
{
    const uint8_t *bytes = data;
    struct asim_tpr_colvars_found found = {0};
    struct tpr_object forces, colvars;
    *ret_found = found;
    if (!asim_tpr_holds_colvars(tpr) ||
        !look_inside(data, tpr, tpr->offset.modules, forces_key, colvars_key,
                     &forces) ||
        !forces.has_member || forces.tag != 'O')
        return;
    colvars = look(data, tpr, forces.value, "active");
    found.active = colvars.has_member && colvars.tag == 'b' && bytes[colvars.value];
    struct tpr_object text = look(data, tpr, tpr->offset.prepared, text_key);
    if (text.has_member && text.tag == 's') {
        found.length = (size_t)load_u64(bytes + text.value);
        found.text = (const char *)bytes + text.value + 8;
    }
    struct tpr_object x = look(data, tpr, tpr->offset.prepared, coordinates_key);
    if (x.has_member && x.tag == 'A')
        found.number_count = load_u32(bytes + x.value);
    *ret_found = found;
}

/* ---- writing ---- */

struct bytes {
    uint8_t *data; /* NULL: the size is being counted */
    size_t size;
};

static void put(struct bytes *out, const void *data, size_t size)
{
    if (out->data && size > 0)
        memcpy(out->data + out->size, data, size);
    out->size += size;
}

static void put_number(struct bytes *out, uint64_t value, size_t size)
{
    uint8_t big_endian[8];
    for (size_t i = 0; i < size; i++)
        big_endian[i] = (uint8_t)(value >> (8 * (size - 1 - i)));
    put(out, big_endian, size);
}

static void put_double(struct bytes *out, double value)
{
    uint64_t bits;
    memcpy(&bits, &value, 8);
    put_number(out, bits, 8);
}

static void put_float(struct bytes *out, double value)
{
    float narrow = (float)value;
    uint32_t bits;
    memcpy(&bits, &narrow, 4);
    put_number(out, bits, 4);
}

static void put_text(struct bytes *out, const char *text)
{
    size_t length = strlen(text);
    put_number(out, length, 8);
    put(out, text, length);
}

static void put_value(struct bytes *out, const char *key, char tag)
{
    put_text(out, key);
    put(out, &tag, 1);
}

/* {active, configfile, seed}, behind its tag. */
static void put_switch(struct bytes *out, const struct asim_tpr_colvars *colvars)
{
    put_number(out, 3, 4);
    put_value(out, "active", 'b');
    put_number(out, 1, 1);
    put_value(out, "configfile", 's');
    put_text(out, colvars->name);
    put_value(out, "seed", 'i');
    put_number(out, (uint32_t)colvars->seed, 4);
}

static void put_prepared(struct bytes *out, const struct asim_tpr_colvars *colvars)
{
    put_value(out, text_key, 's');
    put_text(out, colvars->text);
    put_value(out, coordinates_key, 'A');
    put_number(out, 3 * colvars->atom_count, 4);
    for (size_t i = 0; i < 3 * colvars->atom_count; i++) {
        put(out, "d", 1);
        put_double(out, colvars->x_nm[i]);
    }
    put_value(out, "colvars-ensTemp", colvars->double_precision ? 'd' : 'f');
    if (colvars->double_precision)
        put_double(out, colvars->ensemble_kelvin);
    else
        put_float(out, colvars->ensemble_kelvin);
    put_value(out, "colvars-seed", 'i');
    put_number(out, (uint32_t)colvars->seed, 4);
}

/* The whole file; `forces` is the object applied-forces, looked at for colvars. */
static void compose(struct bytes *out, const uint8_t *data, const struct asim_tpr *tpr,
                    const struct tpr_object *forces,
                    const struct asim_tpr_colvars *colvars)
{
    size_t prepared = (size_t)tpr->offset.prepared;
    size_t body_end = (size_t)(tpr->offset.body + tpr->offset.body_size);
    put(out, data, forces->begin);
    put_number(out, forces->count + !forces->has_member, 4);
    if (forces->has_member) {
        size_t after_count = forces->begin + 4;
        put(out, data + after_count, forces->value - after_count);
        put_switch(out, colvars);
        put(out, data + forces->member_end, prepared - forces->member_end);
    } else {
        put(out, data + forces->begin + 4, forces->end - forces->begin - 4);
        put_value(out, colvars_key, 'O');
        put_switch(out, colvars);
        put(out, data + forces->end, prepared - forces->end);
    }
    put_number(out, load_u32(data + prepared) + 4, 4);
    put(out, data + prepared + 4, body_end - prepared - 4);
    put_prepared(out, colvars);
    size_t body_size = out->size - (size_t)tpr->offset.body;
    put(out, "\0\0\0", (4 - body_size % 4) % 4);
    if (out->data) {
        struct bytes field = {out->data, (size_t)tpr->offset.body_size_field};
        put_number(&field, body_size, 8);
    }
}

static int check_request(const void *data, const struct asim_tpr *tpr,
                         const struct asim_tpr_colvars *colvars,
                         struct tpr_object *ret_forces, struct asim_error *err)
{
    struct asim_tpr_colvars_found found;
    if (!asim_tpr_holds_colvars(tpr))
        return asim_fail(err, ASIM_EINPUT,
                         "a TPR of GROMACS %s (file version %d) has no place for a "
                         "Colvars bias, which needs one of GROMACS 2020 or newer: make "
                         "it again with grompp, or use another kind of bias",
                         tpr->gromacs_version, tpr->file_version);
    asim_tpr_find_colvars(data, tpr, &found);
    if (found.active || found.text || found.number_count)
        return asim_fail(err, ASIM_EINPUT,
                         "the TPR has a Colvars bias of its own; the windows need a "
                         "TPR of the simulation without bias");
    if (!look_inside(data, tpr, (size_t)tpr->offset.modules, forces_key, colvars_key,
                     ret_forces) ||
        (ret_forces->has_member && ret_forces->tag != 'O'))
        return asim_fail(err, ASIM_EINPUT,
                         "the TPR's module parameters lack '%s', where Colvars is "
                         "switched on; its layout is not known",
                         forces_key);
    if (colvars->atom_count == 0 || colvars->atom_count > INT32_MAX / 3)
        return asim_fail(err, ASIM_EINPUT, "a Colvars bias of %zu atoms",
                         colvars->atom_count);
    for (size_t i = 0; i < 3 * colvars->atom_count; i++)
        if (!isfinite(colvars->x_nm[i]))
            return asim_fail(err, ASIM_EINPUT,
                             "a start coordinate of the Colvars bias is not finite");
    return 0;
}

static int verify(const void *copy, size_t copy_size, const struct asim_tpr *tpr,
                  const struct asim_tpr_colvars *colvars, struct asim_error *err)
{
    struct asim_tpr again = {0};
    struct asim_tpr_colvars_found found;
    if (asim_tpr_parse(copy, copy_size, &again, NULL, err) < 0)
        return asim_wrap(err, "the TPR with its Colvars bias cannot be read back");
    asim_tpr_find_colvars(copy, &again, &found);
    bool same =
        again.atom_count == tpr->atom_count && again.nsteps == tpr->nsteps &&
        again.ld_seed == tpr->ld_seed && found.active && found.text &&
        same_text(found.text, found.length, colvars->text) &&
        found.number_count == 3 * colvars->atom_count &&
        memcmp(again.x_nm, tpr->x_nm, tpr->atom_count * sizeof again.x_nm[0]) == 0;
    asim_tpr_finish(&again);
    if (!same)
        return asim_fail(err, ASIM_EFAIL,
                         "the TPR with its Colvars bias reads back different from what "
                         "was written");
    return 0;
}

int asim_tpr_add_colvars(const void *data, size_t size,
                         const struct asim_tpr_colvars *colvars, void **ret_data,
                         size_t *ret_size, struct asim_error *err)
{
    struct asim_tpr tpr = {0};
    struct tpr_object forces;
    struct bytes copy = {0};
    int rc = -1;
    if (asim_tpr_parse(data, size, &tpr, NULL, err) < 0)
        return -1;
    if (check_request(data, &tpr, colvars, &forces, err) < 0)
        goto out;
    compose(&copy, data, &tpr, &forces, colvars);
    copy.data = asim_alloc_array(copy.size, 1, err);
    if (!copy.data)
        goto out;
    copy.size = 0;
    compose(&copy, data, &tpr, &forces, colvars);
    if (verify(copy.data, copy.size, &tpr, colvars, err) < 0)
        goto out;
    *ret_data = copy.data;
    *ret_size = copy.size;
    copy.data = NULL;
    rc = 0;
out:
    free(copy.data);
    asim_tpr_finish(&tpr);
    return rc;
}
