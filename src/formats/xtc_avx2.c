#include "formats/xtc_groups.h"
#if defined(__x86_64__)
void asim_xtc_decode_avx2(const struct asim_xtc_job *job, struct asim_xtc_place *place)
{
    (void)job;
    (void)place;
}
#endif
