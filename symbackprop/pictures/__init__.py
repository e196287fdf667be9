"""Pictures of a network, its computational graph, and gradient descent: one layout, printed as TikZ, SVG and Typst."""
