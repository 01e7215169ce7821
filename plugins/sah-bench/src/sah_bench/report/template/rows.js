// The rows of the report, decoded from columns once.
const cells = rowsOf(report.cells);
const identities = rowsOf(report.identities);
const points = rowsOf(report.points);
cells.forEach((cell, number) => { cell.number = number; });
