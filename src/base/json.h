/* jansson with our errors: reading members that must be there, writing files. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <jansson.h>
#include <stdint.h>

#include "base/error.h"

int asim_json_read(const char *path, json_t **ret_root, struct asim_error *err);
/* Numbers with 17 digits, so that every double comes back exactly; sorted as built. */
int asim_json_write(const char *path, const json_t *root, struct asim_error *err);

/* Members that must be there with the right type; ASIM_EINPUT names the key. */
int asim_json_double(const json_t *object, const char *key, double *ret_value,
                     struct asim_error *err); /* null reads as NAN */
int asim_json_int64(const json_t *object, const char *key, int64_t *ret_value,
                    struct asim_error *err);
int asim_json_text(const json_t *object, const char *key, char *ret_text, size_t size,
                   struct asim_error *err);
/* A new array of doubles; free with free(). */
int asim_json_doubles(const json_t *object, const char *key, double **ret_values,
                      size_t *ret_count, struct asim_error *err);

/* A text; each byte that is no UTF-8 becomes U+FFFD, for JSON has no other. */
json_t *asim_json_string(const char *text);
/* A real, or null where the value is not finite (JSON has no NaN). */
json_t *asim_json_number(double value);
json_t *asim_json_number_array(const double *values, size_t count);

#endif
