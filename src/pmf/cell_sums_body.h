/*
 * The body of asim_cell_sums: a file defines SUM_CELL, the function's name, TARGET, its
 * attributes, and WIDTH, the numbers of a vector, then includes this one, which takes
 * the three away again. Compilers split vectors that are wider than the machine's
 * badly, so that the eight samples are so many vectors of its own.
 */
TARGET static double SUM_CELL(double *distance, size_t count,
                              const struct asim_cell_term *terms, size_t term_count,
                              double *ret_p, double *work)
{
    typedef double vec __attribute__((vector_size(WIDTH * sizeof(double))));
    enum { PARTS = ASIM_LANES / WIDTH };
    vec *values = (vec *)(void *)work, *sums = values + PARTS * term_count;
    vec inverse_sum[PARTS];
    double total = 0;
    for (size_t i = count; i % ASIM_LANES; i++)
        distance[i] = 0;
    memset(inverse_sum, 0, sizeof inverse_sum);
    memset(sums, 0, term_count * PARTS * sizeof *sums);
    for (size_t start = 0; start < count; start += ASIM_LANES) {
        vec d[PARTS], denominator[PARTS], inverse[PARTS];
        memcpy(d, distance + start, sizeof d);
        memset(denominator, 0, sizeof denominator);
        for (size_t k = 0; k < term_count; k++) {
            const struct asim_cell_term *term = &terms[k];
            vec y[PARTS], power[PARTS];
            memset(power, 0, sizeof power);
            for (int p = 0; p < PARTS; p++)
                y[p] = (term->linear + term->quadratic * d[p]) * d[p];
            if (term->degree >= 0) {
                for (int p = 0; p < PARTS; p++)
                    power[p] += INVERSE_FACTORIAL[term->degree];
                for (int n = term->degree - 1; n >= 0; n--)
                    for (int p = 0; p < PARTS; p++)
                        power[p] = power[p] * y[p] + INVERSE_FACTORIAL[n];
            } else {
                for (int lane = 0; lane < ASIM_LANES; lane++)
                    power[lane / WIDTH][lane % WIDTH] =
                        exp(y[lane / WIDTH][lane % WIDTH]);
            }
            for (int p = 0; p < PARTS; p++) {
                values[k * PARTS + p] = term->value * power[p];
                denominator[p] += values[k * PARTS + p];
            }
        }
        for (int p = 0; p < PARTS; p++)
            inverse[p] = 1 / denominator[p];
        for (size_t lane = count - start; lane < ASIM_LANES; lane++)
            inverse[lane / WIDTH][lane % WIDTH] = 0;
        for (int p = 0; p < PARTS; p++)
            inverse_sum[p] += inverse[p];
        for (size_t k = 0; k < term_count; k++)
            for (int p = 0; p < PARTS; p++)
                sums[k * PARTS + p] += values[k * PARTS + p] * inverse[p];
    }
    for (size_t k = 0; k < term_count; k++)
        for (int lane = 0; lane < ASIM_LANES; lane++)
            ret_p[k] += sums[k * PARTS + lane / WIDTH][lane % WIDTH];
    for (int lane = 0; lane < ASIM_LANES; lane++)
        total += inverse_sum[lane / WIDTH][lane % WIDTH];
    return total;
}

#undef SUM_CELL
#undef TARGET
#undef WIDTH
