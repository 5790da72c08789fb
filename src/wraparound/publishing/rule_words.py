"""What the gate found, in the reader's language.

A rule says its reason in English where it stands, in `expectations/`; here is each in Spanish.
A rule without one, such as a district's own, is told as it was written; so is one whose numbers
a district changed, for here stand those that were shipped.
"""

import re
from collections.abc import Mapping

from wraparound.quality.verdicts import UNCHECKED

ANOTHER_DAY = "La lista habla de un día distinto del que dice."
TWICE = "Un estudiante aparece dos veces en la lista de la escuela."
A_DOMAIN = "A un estudiante le falta una de las cuatro áreas."
AGREED = "En una necesidad abierta no se sabe si la familia dio su consentimiento."
AHEAD = "lleva una fecha posterior al día."

SPANISH: Mapping[str, str] = {
    "attendance.not_ahead": "Se registró asistencia en días que aún no llegan.",
    "attendance.durations_shares": "Una parte de un día en la asistencia es más que un día.",
    "attendance.late_all_day": (
        "Hay retardos anotados como días enteros perdidos, y cuentan como ausencias."
    ),
    "calendar.dates_near": "El calendario tiene días que distan años.",
    "calendar.days_named": "Un día del calendario no dice si hubo clases.",
    "consents.dated": "Un consentimiento no dice desde cuándo vale.",
    "discipline.not_ahead": "Una medida disciplinaria lleva una fecha a más de 30 días.",
    "discipline.lengths_possible": "Una medida disciplinaria dura más que un año escolar.",
    "grades.not_ahead": "Hay calificaciones con fecha posterior al día.",
    "grades.scores_are_numbers": (
        "La mayoría de las calificaciones no tiene número; no dicen nada en las listas."
    ),
    "grades.statuses_said": "Hay resultados sin su estado.",
    "providers.services_named": "Un servicio no tiene nombre.",
    "providers.ages_forward": "Un servicio es para edades que nadie puede tener.",
    "providers.places_possible": "Un servicio tiene más lugares libres que lugares.",
    "release.schools_present": "De los datos de la noche no salió ninguna escuela.",
    "release.students_present": "De los datos de la noche no salió ningún estudiante.",
    "release.students_reconciled": "El número de estudiantes de la lista no es el del registro.",
    "release.metrics_counted": "Faltan cuentas de la noche, así que no se pudieron comparar.",
    "release.churn_lost": "Muchos estudiantes salieron del registro de una vez: más de 10 y más "
    "de 10 de cada 100.",
    "release.churn_gained": "Muchos estudiantes entraron al registro de una vez: más de 10 y más "
    "de 25 de cada 100.",
    "release.students_once": TWICE,
    "release.profiles_complete": A_DOMAIN,
    "release.profiles_known": "De más de la mitad de los estudiantes no se sabe nada en ninguna "
    "área.",
    "release.attendance_fresh": "La asistencia lleva más de 7 días de atraso.",
    "release.attendance_silent": "No llegó asistencia en más de 30 días.",
    "release.attendance_on_calendar": "Se registró asistencia en días en que la escuela estaba "
    "cerrada.",
    "release.attendance_enrolled": "Se registró asistencia de estudiantes en días en que no "
    "estaban inscritos.",
    "release.attendance_not_ahead": "Se registró asistencia de días que aún no llegan.",
    "release.codes_mapped": "Un código de los datos no está en la tabla de códigos del distrito, "
    "así que esas filas no cuentan.",
    "release.attendance_read": "Algunas filas de asistencia no se pudieron leer, así que una "
    "ausencia en ellas cuenta como día presente.",
    "release.attendance_mostly_read": "Muchas filas de asistencia no se pudieron leer, así que "
    "las ausencias en ellas cuentan como días presentes.",
    "release.periods_measured": "Nadie dice cuántos períodos tiene un día, así que un día cuenta "
    "como ausente cuando se perdió uno solo.",
    "release.services_active": "Se ofrece a un estudiante un servicio cerrado o sin confirmar.",
    "release.school_in_session": "La escuela no tiene clases el día de esta lista.",
    "release.suspensions_attended": "La asistencia no muestra ausencia en días de suspensión.",
    "release.students_on_one_list": "Algunos estudiantes están en las listas de dos escuelas.",
    "release.ids_of_one_child": "El sistema escolar dio el número de un estudiante a quien parece "
    "ser otro. Lo registrado antes no se muestra hasta que alguien diga de quién es el número.",
    "release.students_as_of": ANOTHER_DAY,
    "release.profiles_as_of": ANOTHER_DAY,
    "release.queue_as_of": ANOTHER_DAY,
    "release.classes_as_of": ANOTHER_DAY,
    "release.reviews_as_of": ANOTHER_DAY,
    "release.inquiry_as_of": ANOTHER_DAY,
    "release.fidelity_as_of": ANOTHER_DAY,
    "release.service_use_as_of": ANOTHER_DAY,
    "release.students_identified": "Una fila de la lista no es de ningún estudiante.",
    "release.students_named": "Un estudiante de la lista no tiene nombre.",
    "release.absence_possible": "La tasa de ausencias de un estudiante es imposible.",
    "release.days_possible": "Un estudiante tiene más días de ausencia que de inscripción, o más "
    "días que los días laborables de un año.",
    "release.absence_sufficient": "De un estudiante con muy pocos días se dijo si falta de forma "
    "crónica.",
    "release.tiers_known": "Un nivel decidido no es 1, 2a, 2b ni 3.",
    "release.domains_known": "Un perfil no está en ningún área conocida.",
    "release.levels_known": "Un perfil no tiene un grado conocido.",
    "release.needs_explained": "Se cuenta una necesidad que no se explica.",
    "release.consent_known": AGREED,
    "release.consent_said": AGREED,
    "release.consent_in_force": "Una derivación está en curso aunque la familia retiró su "
    "consentimiento o este venció.",
    "release.queue_next_step": "Una necesidad abierta no tiene próximo paso.",
    "release.queue_explained": "Una necesidad abierta no está explicada.",
    "release.queue_ranked": "Una necesidad abierta no tiene lugar en la lista de derivaciones.",
    "release.classes_named": "Una fila de una lista de clase no nombra ninguna clase.",
    "release.tier_three_plausible": "Una parte poco creíble de los estudiantes está en el nivel "
    "3.",
    "release.grades_known": "Hay estudiantes con un grado desconocido: ninguna regla que pregunta "
    "por el grado habla de ellos, y las tasas los cuentan.",
    "release.tiers_dated": "Un nivel se decidió sin día, o hay un día sin nivel.",
    "release.students_distinct": TWICE,
    "release.overdue_has_a_step": "Una derivación vencida no tiene próximo paso o no tiene día.",
    "release.domains_complete": A_DOMAIN,
    "release.service_events_count": "Un proveedor o coordinador comunicó algo de una derivación "
    "que no pudo ocurrir así.",
    "release.school_missing": "La escuela no tiene estudiantes en los datos de esta noche.",
    "release.gate_ran": "Los datos de la noche no se pudieron comprobar.",
    "release.keys_unique": "Una fila aparece dos veces en la lista de la escuela.",
    "reviews.not_ahead": f"Una revisión {AHEAD}",
    "reviews.tiers_known": "El nivel de una revisión no es 1, 2a, 2b ni 3.",
    "roster.users_present": "El registro no tiene personas.",
    "roster.family_names": "Más de 1 de cada 100 personas del registro no tienen apellido.",
    "roster.enrolments_forward": "Una inscripción del registro termina antes de empezar.",
    "roster.enrolments_dated": "Más de 5 de cada 100 inscripciones de estudiantes no tienen "
    "primer día; cuentan desde el primer día de clases.",
    "roster.births_possible": "Una fecha de nacimiento del registro es imposible.",
    "service_events.not_ahead": f"Lo hecho por un estudiante {AHEAD}",
    "service_events.states_referred": "Un estado de derivación no nombra ninguna derivación.",
    "service_events.ends_final": "Se movió una derivación que ya había terminado.",
    "service_events.steps_in_order": "Una derivación empezó o terminó sin haber sido aceptada.",
    "staff.assignments_forward": "Una asignación termina antes de empezar.",
}
NUMBER = re.compile(r"\d+")
SPANISH_UNCHECKED = "Esto no se pudo comprobar, así que cuenta como fallo."


def rule_in_words(rule_id: str, message: str, *, language: str) -> str:
    """Say a finding in a language; `message` is what the rule says, in English."""
    told = SPANISH.get(rule_id) if language == "es" else None
    if told is None or NUMBER.findall(told) != NUMBER.findall(message):
        return message
    return f"{told} {SPANISH_UNCHECKED}" if message.endswith(UNCHECKED) else told
