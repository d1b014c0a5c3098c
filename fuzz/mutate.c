/*
 * Mutations that damage files as the world does, beside libFuzzer's own: cut tails,
 * pieces lost or repeated, tails of zeros, words of extreme value, two files spliced.
 * Formats here have no checksums, so every mutant is read.
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t most,
                                 unsigned seed);

/* Below 2^16 inputs: a remainder is even enough. */
static size_t pick(unsigned *state, size_t below)
{
    *state = *state * 1664525u + 1013904223u;
    return below ? (*state >> 8) % below : 0;
}

static size_t lose_piece(uint8_t *data, size_t size, unsigned *state)
{
    size_t from = pick(state, size), to = from + pick(state, size - from) + 1;
    memmove(data + from, data + to, size - to);
    return size - (to - from);
}

static size_t repeat_piece(uint8_t *data, size_t size, size_t most, unsigned *state)
{
    size_t from = pick(state, size), length = pick(state, size - from) + 1;
    if (length > most - size)
        length = most - size;
    memmove(data + from + length, data + from, size - from);
    return size + length;
}

static size_t add_tail(uint8_t *data, size_t size, size_t most, unsigned *state)
{
    size_t length = pick(state, 200);
    if (length > most - size)
        length = most - size;
    memset(data + size, (int)(pick(state, 2) * 0xff), length);
    return size + length;
}

/* Numbers at the edges of their types, in either byte order, where words are aligned.
 */
static size_t set_word(uint8_t *data, size_t size, unsigned *state)
{
    static const uint32_t values[] = {0,          1,          9,          10,
                                      0x7fffffff, 0x80000000, 0xffffffff, 0xffffff,
                                      0x1000000,  0x7f800000, 0x7fc00000, 0x49742400};
    uint32_t value = values[pick(state, sizeof values / sizeof *values)];
    size_t words = size / 4;
    if (words == 0)
        return size;
    uint8_t *word = data + 4 * pick(state, words);
    bool big = pick(state, 2);
    for (int i = 0; i < 4; i++)
        word[i] = (uint8_t)(value >> (big ? 24 - 8 * i : 8 * i));
    return size;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
    unsigned state = seed;
    if (size == 0)
        return LLVMFuzzerMutate(data, size, most);
    switch (pick(&state, 16)) {
    case 0:
        return pick(&state, size) + 1;
    case 1:
        return lose_piece(data, size, &state);
    case 2:
        return repeat_piece(data, size, most, &state);
    case 3:
        return add_tail(data, size, most, &state);
    case 4:
    case 5:
        return set_word(data, size, &state);
    default:
        return LLVMFuzzerMutate(data, size, most);
    }
}

/* The beginning of one and the end of the other. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b,
                                 size_t b_size, uint8_t *out, size_t most,
                                 unsigned seed)
{
    unsigned state = seed;
    size_t head = pick(&state, a_size + 1), skipped = pick(&state, b_size + 1);
    size_t tail = b_size - skipped;
    if (head > most)
        head = most;
    if (tail > most - head)
        tail = most - head;
    memcpy(out, a, head);
    memcpy(out + head, b + skipped, tail);
    return head + tail;
}
