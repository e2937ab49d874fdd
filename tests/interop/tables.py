"""How the scripts beside this one write rows of input and expected probabilities."""


def write_csv(path, names, columns, expected):
    """`columns` are arrays of [rows]: numbers of at most seven digits, whole numbers or strings."""
    cells = [[value if isinstance(value, str) else f"{value:.7g}" for value in column] for column in columns]
    with open(path, "w") as out:
        out.write(",".join(names + ["expected"]) + "\n")
        for row, probability in enumerate(expected):
            out.write(",".join(column[row] for column in cells) + f",{probability:.9g}\n")
