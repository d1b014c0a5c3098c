/*
 * decisions.json: what `run --until` and `check --apply` decided, and why. A decision
 * is on record before it is followed, and following it again changes nothing, so a kill
 * in between loses nothing and doubles nothing.
 */
#ifndef CLI_DECISIONS_H
#define CLI_DECISIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <autosim/pmf.h>

struct decision_action {
    enum asim_advice_kind kind;
    int window_id; /* EXTEND: which; INSERT: the one before */
    struct asim_bias bias;
    int64_t steps; /* that the window shall reach in all */
    char reason[200];
};

struct decision_round {
    double target_kj_mol;
    double band_kj_mol;      /* widest, when this was decided */
    double predicted_kj_mol; /* once it is done; 0: could not be told */
    int64_t total_steps;     /* of all windows together, when this was decided */
    double most_ns;          /* of simulated time that was allowed; 0: not on record */
    bool reached;
    bool followed;
    char verdict[600];
    size_t action_count;
    struct decision_action *actions;
};

struct decisions {
    size_t count, capacity;
    struct decision_round *rounds;
};

void decisions_finish(struct decisions *decisions);
/* None where the file does not exist. */
int decisions_read(const char *folder, struct decisions *ret_decisions,
                   struct asim_error *err);
int decisions_write(const char *folder, const struct decisions *decisions,
                    struct asim_error *err);
/* A new last round, zeroed; owned by `decisions`. */
struct decision_round *decisions_add(struct decisions *decisions,
                                     struct asim_error *err);

/* A sentence for each round and each of its actions, for the report; each is owned by
 * the caller, as is the array. dt_ps: time of a step. */
int decisions_sentences(const struct decisions *decisions, double dt_ps,
                        char ***ret_sentences, size_t *ret_count,
                        struct asim_error *err);

#endif
