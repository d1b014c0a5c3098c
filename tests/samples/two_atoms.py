"""A pull simulation with an exact answer: two atoms on a spring of zero length. Along x
their profile is K/2 x^2 with the spring's K, 200 kJ/mol/nm^2."""
import pull

CONF = """two atoms
    2
    1AAA      A    1   2.400   2.500   2.500
    1AAA      B    2   2.600   2.500   2.500
   5.0 5.0 5.0
"""
TOPOLOGY = """[ defaults ]
1 2 no 1 1
[ atomtypes ]
A 10 0 A 0 0
[ moleculetype ]
M 0
[ atoms ]
1 A 1 AAA A 1 0 10
2 A 1 AAA B 2 0 10
[ bonds ]
1 2 1 0.0 200
[ system ]
two atoms
[ molecules ]
M 1
"""
WINDOW = """pull-coord1-groups = 1 2
pull-coord1-geometry = direction
pull-coord1-vec = 1 0 0
pull-coord1-init = {centre:.6f}
pull-coord1-k = 1500
"""


def simulate(folder, window_count, nsteps, interval=50, run=True):
    """Windows from -0.25 to 0.25 nm; see pull.simulate."""
    windows = [WINDOW.format(centre=-0.25 + 0.5 * k / (window_count - 1))
               for k in range(window_count)]
    return pull.simulate(folder, CONF, TOPOLOGY, "ab", windows, 0.004, nsteps, interval,
                         run)
